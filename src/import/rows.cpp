// rows.cpp - libcsv is given a line at a time: it says whether a row ended with it, or whether a quoted cell goes on in the next.
// So it is libcsv that knows about quotes, and yet the lines and the bytes of each row are known.
#include "rows.hpp"

#include <new>

#include "core/text.hpp"
#include "failure.hpp"

namespace importer {

namespace {

int
is_line_feed(unsigned char byte)
{
	return byte == '\n' ? 1 : 0;
}

int
is_carriage_return(unsigned char byte)
{
	return byte == '\r' ? 1 : 0;
}

// The '\r' before a '\n' is no part of the last cell.
int
is_return_or_space(unsigned char byte)
{
	return byte == '\r' || byte == ' ' || byte == '\t' ? 1 : 0;
}

int
is_space(unsigned char byte)
{
	return byte == ' ' || byte == '\t' ? 1 : 0;
}

int
is_nothing(unsigned char)
{
	return 0;
}

} // namespace

bool
Row::is_blank() const
{
	return contact::trim(text_).empty();
}

void
Row::clear()
{
	text_.clear();
	ends_.clear();
	bytes.clear();
	problem.clear();
}

void
Row::add(const char *text, size_t size)
{
	text_.append(text, size);
	ends_.push_back(text_.size());
}

Rows::Rows(const Source &source, const Dialect &dialect, size_t longest)
	: source_(source), dialect_(dialect), longest_(longest), lines_(source, dialect.encoding, dialect.terminator),
	  converter_(dialect.encoding.name, "UTF-8")
{
	bool ends_with_return = dialect.terminator == '\r';

	if (csv_init(&parser_, 0) != 0)
		throw std::bad_alloc();
	// By default its buffer grows by 128 bytes at a time, which takes a large cell minutes.
	csv_set_blk_size(&parser_, size_t{1} << 20U);
	csv_set_delim(&parser_, static_cast<unsigned char>(dialect.separator));
	csv_set_quote(&parser_, static_cast<unsigned char>(dialect.quote));
	csv_set_term_func(&parser_, ends_with_return ? is_carriage_return : is_line_feed);
	if (dialect.skips_spaces)
		csv_set_space_func(&parser_, ends_with_return ? is_space : is_return_or_space);
	else
		csv_set_space_func(&parser_, ends_with_return ? is_nothing : is_carriage_return);
	if (dialect.names_separator)
		skip_sep_line();
}

Rows::~Rows()
{
	csv_free(&parser_);
}

void
Rows::skip_sep_line()
{
	std::string_view line;

	(void)lines_.next(line);
}

std::string_view
Rows::decode(std::string_view line, Row &row)
{
	if (dialect_.encoding.is_utf8() && contact::count_code_points(line))
		return line;
	if (!converter_.convert(line, decoded_) && row.problem.empty())
		row.problem =
			"Line " + std::to_string(lines_.number()) + " has bytes that are not " + dialect_.encoding.name + ".";
	return decoded_;
}

void
Rows::parse(std::string_view line, Row &row)
{
	auto on_cell = [](void *text, size_t size, void *rows) {
		static_cast<Rows *>(rows)->row_->add(static_cast<const char *>(text), size);
	};
	auto on_row = [](int, void *rows) { static_cast<Rows *>(rows)->row_ended_ = true; };

	row_ = &row;
	row_ended_ = false;
	if (line.data() == nullptr)
	{
		// Only a strict parser minds. Until here it took a quote inside a cell for part of the text.
		(void)csv_set_opts(&parser_, CSV_STRICT | CSV_STRICT_FINI);
		if (csv_fini(&parser_, on_cell, on_row, this) != 0)
			throw Failure(kUnreadable,
						  source_.name() + ": the quote in the row that begins in line " + std::to_string(row.line) +
							  " is never closed. Close it, or double it if it is part of the text.");
	}
	else if (csv_parse(&parser_, line.data(), line.size(), on_cell, on_row, this) != line.size())
		throw std::bad_alloc();
}

bool
Rows::next(Row &row)
{
	std::string_view line;

	row.clear();
	while (lines_.next(line))
	{
		if (row.bytes.empty())
			row.line = lines_.number();
		row.last_line = lines_.number();
		row.bytes.append(line);
		if (row.bytes.size() > longest_)
			throw Failure(kUnreadable,
						  source_.name() + ": the row that begins in line " + std::to_string(row.line) +
							  " is longer than 64 MiB. Probably a quote in it is never closed.");
		parse(decode(line, row), row);
		// Nothing but spaces leaves the parser where it was; anything else is a row, or the head of one.
		if (!row_ended_ && parser_.pstate != 0)
			continue;
		if (row_ended_ && !row.is_blank())
			break;
		row.clear();
	}
	if (row.bytes.empty())
		return false;
	// The last line may have no end.
	if (!row_ended_)
		parse({}, row);
	if (row.text_.find('\0') != std::string::npos)
		row.problem = "Line " + std::to_string(row.line) + " has a NUL byte.";
	return !row.is_blank();
}

} // namespace importer
