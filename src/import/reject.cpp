#include "reject.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "failure.hpp"

namespace importer {

namespace {

constexpr size_t kBuffer = size_t{64} << 10U;

constexpr char kBadRowsStatement[] =
	"SELECT row_number, pg_catalog.min((row ->> 'contact_import_line')::pg_catalog.int8), "
	"pg_catalog.string_agg(\"column\", ', ' ORDER BY error_number), "
	"pg_catalog.string_agg(pg_catalog.concat_ws(' ', message, hint), ' ' ORDER BY error_number) "
	"FROM contacts.import_error "
	"WHERE workspace_id = $1::pg_catalog.int8 AND import_id = $2::pg_catalog.int8 AND row_number > $3::pg_catalog.int8 "
	"GROUP BY row_number ORDER BY row_number LIMIT 1000";

// The bytes of a row without its end, and the end.
std::pair<std::string_view, std::string_view>
split_end(std::string_view bytes, const Encoding &encoding)
{
	size_t size = bytes.size();

	for (char end : {'\n', '\r'})
		if (bytes.substr(0, size).ends_with(encoding.bytes_of(end)))
			size -= encoding.unit;
	return {bytes.substr(0, size), bytes.substr(size)};
}

} // namespace

BadRows::BadRows(Connection &connection, const std::string &workspace, const std::string &import_id)
	: connection_(connection), parameters_({workspace, import_id, "0"})
{}

bool
BadRows::next()
{
	if (row_ + 1 >= page_.rows())
	{
		parameters_[2] = last_row_;
		page_ = connection_.execute(kBadRowsStatement, parameters_);
		row_ = -1;
	}
	if (page_.rows() == 0)
		return false;
	row_++;
	last_row_ = page_.value(row_, 0);
	line_ = std::strtoull(page_.value(row_, 1).c_str(), nullptr, 10);
	columns_ = page_.value(row_, 2);
	reasons_ = with_options(page_.value(row_, 3));
	return true;
}

RejectFile::RejectFile(const std::string &path, const Source &source) : path_(path)
{
	if (source.is(path))
		throw Failure(kUsage, "--reject is the file itself: name another one.");
	is_new_ = access(path.c_str(), F_OK) != 0;
	file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (file_ < 0)
		throw Failure(kUnreadable, "cannot write " + path + ": " + std::strerror(errno));
}

RejectFile::~RejectFile()
{
	close(file_);
	if (is_new_)
		unlink(path_.c_str());
}

void
RejectFile::flush()
{
	for (std::string_view left = buffer_; !left.empty();)
	{
		ssize_t written = ::write(file_, left.data(), left.size());

		if (written < 0 && errno != EINTR)
			throw Failure(kUnreadable, "cannot write " + path_ + ": " + std::strerror(errno));
		left.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
	}
	buffer_.clear();
}

void
RejectFile::put(std::string_view bytes)
{
	buffer_.append(bytes);
	if (buffer_.size() >= kBuffer)
		flush();
}

std::string
in_quotes(std::string_view text, char quote)
{
	std::string cell(1, quote);

	for (char byte : text)
	{
		// A line for each row is easier to mend.
		cell += byte == '\n' || byte == '\r' ? ' ' : byte;
		if (byte == quote)
			cell += quote;
	}
	return cell + quote;
}

void
RejectFile::put_row(std::string_view bytes, const std::string &columns, const std::string &reasons)
{
	auto [row, end] = split_end(bytes, dialect_.encoding);
	std::string cells = dialect_.separator + in_quotes(columns, dialect_.quote) + dialect_.separator +
						in_quotes(reasons, dialect_.quote);
	std::string encoded;

	(void)encoder_->convert(cells, encoded);
	put(row);
	put(encoded);
	put(end.empty() ? end_ : end);
}

// A row that has reasons already, from a file of rejects: its cells without them.
std::string
RejectFile::without_reasons(const Row &row) const
{
	std::string text;
	std::string encoded;

	for (size_t i = 0; i + 2 < row.count(); i++)
	{
		std::string_view cell = row.cell(i);
		bool is_plain =
			cell.find_first_of(std::string{dialect_.separator, dialect_.quote, '\r', '\n'}) == std::string::npos;

		if (i > 0)
			text += dialect_.separator;
		if (is_plain)
			text += cell;
		else
		{
			text += dialect_.quote;
			for (char byte : cell)
				text.append(byte == dialect_.quote ? 2 : 1, byte);
			text += dialect_.quote;
		}
	}
	text += split_end(row.bytes, dialect_.encoding).second.size() > dialect_.encoding.unit
				? "\r\n"
				: std::string(1, dialect_.terminator);
	(void)encoder_->convert(text, encoded);
	return encoded;
}

int64_t
RejectFile::write(const Source &source, const Dialect &dialect, const Header &header, BadRows *refused)
{
	Rows rows(source, dialect);
	Row row;
	int64_t count = 0;
	bool has_refused = refused && refused->next();

	dialect_ = dialect;
	encoder_ = std::make_unique<Converter>("UTF-8", dialect.encoding.name);
	source.require_unchanged();
	is_new_ = false;
	// A device or pipe has no length.
	if (ftruncate(file_, 0) < 0 && errno != EINVAL)
		throw Failure(kUnreadable, "cannot write " + path_ + ": " + std::strerror(errno));

	(void)rows.next(row);

	// It fits into memory, as each row does.
	std::string head(static_cast<size_t>(rows.offset()), '\0');

	for (size_t got = 0; got < head.size();)
		got += source.read(head.data() + got, head.size() - got, got);
	if (header.has_reasons())
		put(head);
	else
	{
		auto [names, end] = split_end(head, dialect.encoding);
		std::string encoded;

		(void)encoder_->convert(std::string(1, dialect.separator) + kRejectColumn + dialect.separator + kRejectReason,
								encoded);
		put(names);
		put(encoded);
		put(end.empty() ? dialect.encoding.bytes_of(dialect.terminator) : std::string(end));
	}
	end_ = split_end(head, dialect.encoding).second;
	if (end_.empty())
		end_ = dialect.encoding.bytes_of(dialect.terminator);
	while (rows.next(row))
	{
		std::string problem = header.problem(row);
		std::string columns;

		if (problem.empty() && has_refused && refused->line() == row.line)
		{
			columns = refused->columns();
			problem = refused->reasons();
			has_refused = refused->next();
		}
		if (problem.empty())
			continue;
		put_row(header.has_reasons_of(row) ? without_reasons(row) : row.bytes, columns, problem);
		count++;
	}
	flush();
	return count;
}

} // namespace importer
