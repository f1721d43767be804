#include "staging.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client/stop.hpp"
#include "core/text.hpp"
#include "failure.hpp"

namespace importer {

namespace {

constexpr size_t kPiece = size_t{64} << 10U;

// What to do about a table, or a row of it, that is too wide for PostgreSQL.
constexpr char kFewerColumns[] = "\nLeave some columns out, with --ignore-unknown or --column 'NAME='.";

std::string
hex(uint64_t number, int digits)
{
	char text[17];

	(void)std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(number));
	return {text + 16 - digits, static_cast<size_t>(digits)};
}

uint64_t
digest(const std::string &text)
{
	uint64_t result = 0xCBF29CE484222325;

	for (char byte : text)
		result = (result ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
	return result;
}

// What of a file's name a table's name can have.
std::string
table_part(const std::string &path)
{
	std::string part;

	for (char byte : path.substr(path.rfind('/') + 1))
	{
		char lower = contact::to_lower_ascii(byte);
		auto code_point = static_cast<unsigned char>(lower);
		bool is_plain = contact::is_ascii_letter(code_point) || contact::is_ascii_digit(code_point);

		if (is_plain || (!part.empty() && part.back() != '_'))
			part += is_plain ? lower : '_';
	}
	return part.substr(0, 24);
}

// How the file is read, as far as that decides what is in the table.
std::string
reading(const Options &options)
{
	std::string text = "--encoding '" + options.encoding + "' --separator '" +
					   (options.separator == '\0' ? "" : std::string(1, options.separator)) +
					   "' unknown columns: " + options.unknown;

	for (const auto &[name, target] : options.columns)
		text += " --column '" + name + "=" + target.value_or("") + "'";
	return text;
}

// Throws what a failed COPY means to the user.
[[noreturn]] void
throw_for_copy(const ServerError &error)
{
	static constexpr const char *kRowTooBig = "54000";

	if (error.sqlstate() == kRowTooBig)
		throw Failure(kRefused, explain(error) + kFewerColumns);
	// A silent server is left at a stop, which is what happened.
	if (client::stop_requested() && error.disconnected())
		throw Failure(kStopped, kNothingLoaded);
	throw error;
}

} // namespace

void
append_copy_text(std::string &line, std::string_view cell)
{
	if (contact::trim(cell).empty())
	{
		line += "\\N";
		return;
	}
	for (char byte : cell)
		switch (byte)
		{
			case '\\':
				line += "\\\\";
				break;
			case '\n':
				line += "\\n";
				break;
			case '\r':
				line += "\\r";
				break;
			case '\t':
				line += "\\t";
				break;
			default:
				line += byte;
		}
}

Staging::Staging(Connection &connection, const std::string &workspace, const Options &options, const Source &source,
				 const Scan &scanned)
	: connection_(connection)
{
	// Standard input has no name, and what comes there is known by what it is.
	std::string key = source.path().empty() ? hex(scanned.digest, 16) : source.path();

	identity_ = "contact-import: " + source.name() + ", " + std::to_string(source.size()) + " bytes, " +
				hex(scanned.digest, 16) + "; " + reading(options);
	std::replace(identity_.begin(), identity_.end(), '\n', ' ');
	find(options,
		 "contact_import_" + table_part(source.path().empty() ? "stdin" : source.path()) + "_" +
			 hex(digest(workspace + " " + key), 8));
}

void
Staging::find(const Options &options, const std::string &base)
{
	Result named =
		connection_.execute("SELECT pg_catalog.format('%I.%I', coalesce(s.name, ''), $2::pg_catalog.text), s.name IS "
							"NOT NULL, n.oid IS NOT NULL "
							"FROM (SELECT coalesce(nullif($1, ''), pg_catalog.current_schema())) AS s (name) "
							"LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name",
							{options.schema, base});

	if (named.value(0, 1) != "t")
		throw Failure(kRefused,
					  "There is no schema for the staging table: search_path names none. Name one with --schema.");
	if (named.value(0, 2) != "t")
		throw Failure(kRefused, "There is no schema \"" + options.schema + "\" for the staging table.");
	name_ = named.value(0, 0);

	Result found =
		connection_.execute("SELECT pg_catalog.obj_description(c.oid, 'pg_class') FROM pg_catalog.pg_class c "
							"WHERE c.oid = pg_catalog.to_regclass($1)",
							{name_});

	if (found.rows() == 0)
		return;
	is_there_ = true;

	std::string comment = found.value(0, 0);
	size_t end = comment.find('\n');

	if (end == std::string::npos || comment.substr(0, end) != identity_)
		return;

	is_known_ = true;

	const char *counts = comment.c_str() + end + 1; // "4 rows, 1 bad"
	char *behind = nullptr;

	rows_ = std::strtoll(counts, &behind, 10);
	bad_ = std::strtoll(behind + std::strcspn(behind, "0123456789"), nullptr, 10);
	// A crash of the server empties an unlogged table.
	is_same_ = rows_ == 0 || connection_.execute(("SELECT FROM " + name_ + " LIMIT 1").c_str()).rows() > 0;
}

std::string
Staging::columns(const Matching &matching) const
{
	std::string list = connection_.quote_identifier(kLineColumn) + " pg_catalog.int8";

	for (const Match &match : matching.matches())
		if (match.is_staged)
			list += ", " + connection_.quote_identifier(match.column.staged) + " pg_catalog.text";
	return list;
}

void
Staging::create(const Matching &matching)
{
	static constexpr const char *kNoPermission = "42501";
	static constexpr const char *kTooManyColumns = "54011";

	try
	{
		(void)connection_.execute(("CREATE UNLOGGED TABLE " + name_ + " (" + columns(matching) + ")").c_str());
	}
	catch (const ServerError &error)
	{
		if (error.sqlstate() == kNoPermission)
			throw Failure(kRefused,
						  explain(error) +
							  "\nThe file is staged in a table: name a schema where you may create one with --schema.");
		if (error.sqlstate() == kTooManyColumns)
			throw Failure(kRefused, explain(error) + kFewerColumns);
		throw;
	}
}

void
Staging::copy(Terminal &terminal, const Source &source, const Dialect &dialect, const Header &header,
			  const Matching &matching)
{
	if (was_there())
		return;

	Rows rows(source, dialect);
	Row row;
	auto write = [&](std::string &piece) {
		while (piece.size() < kPiece)
		{
			if (client::stop_requested())
				throw Failure(kStopped, kNothingLoaded);
			if (!rows.next(row))
				return !piece.empty();
			if (!header.problem(row).empty())
			{
				bad_++;
				continue;
			}
			rows_++;
			piece += std::to_string(row.line);
			for (const Match &match : matching.matches())
				if (match.is_staged)
				{
					piece += '\t';
					append_copy_text(piece, row.cell(match.column.cell));
				}
			piece += '\n';
			if (rows_ % 1000 == 0)
				terminal.progress_bytes("Reading", rows.offset(), source.size());
		}
		return true;
	};

	rows_ = 0;
	bad_ = 0;
	(void)connection_.execute("BEGIN");
	if (is_there_)
		(void)connection_.execute(("DROP TABLE " + name_).c_str());
	create(matching);
	(void)rows.next(row); // the header
	try
	{
		(void)connection_.copy_in(("COPY " + name_ + " FROM STDIN (FREEZE)").c_str(), write);
		source.require_unchanged();
	}
	catch (const ServerError &error)
	{
		throw_for_copy(error);
	}
	catch (const Failure &)
	{
		if (connection_.usable())
			(void)connection_.execute("ROLLBACK");
		throw;
	}
	(void)connection_.execute(("COMMENT ON TABLE " + name_ + " IS " +
							   connection_.quote_literal(identity_ + "\n" + std::to_string(rows_) + " rows, " +
														 std::to_string(bad_) + " bad"))
								  .c_str());
	(void)connection_.execute("COMMIT");
	is_there_ = is_known_ = true;
	terminal.end_progress();
}

void
Staging::drop()
{
	if (is_there_)
		(void)connection_.execute(("DROP TABLE IF EXISTS " + name_).c_str());
	is_there_ = false;
}

} // namespace importer
