// rows.hpp - the rows of a file: lines, decoded, and taken apart by libcsv.
//
// A Row may be bad by itself: bytes that are none of the file's encoding, a NUL byte. It is returned with the reason, for others
// to count and to keep. Rows without anything in their cells are skipped.
#pragma once

#include <csv.h>

#include <string>
#include <string_view>
#include <vector>

#include "encoding.hpp"
#include "lines.hpp"

namespace importer {

// How the rows are written.
struct Dialect
{
	Encoding encoding;
	char terminator = '\n'; // '\n' stands for "\r\n", too
	char separator = ',';
	char quote = '"';
	bool skips_spaces = false;	  // those around cells, so that a quote behind one counts
	bool names_separator = false; // the first line is "sep=;", as Excel writes it
};

class Row
{
public:
	size_t count() const { return ends_.size(); }
	std::string_view cell(size_t i) const
	{
		size_t begin = i == 0 ? 0 : ends_[i - 1];

		return std::string_view(text_).substr(begin, ends_[i] - begin);
	}
	bool is_blank() const;

	uint64_t line = 0; // of its first one, from 1
	uint64_t last_line = 0;
	std::string bytes;	 // as they are in the file, with the row's end
	std::string problem; // why it cannot be loaded, if that is so

private:
	friend class Rows;

	void clear();
	void add(const char *text, size_t size);

	std::string text_;
	std::vector<size_t> ends_;
};

class Rows
{
public:
	// A row that is longer than so many bytes is an error.
	Rows(const Source &source, const Dialect &dialect, size_t longest = kLongestRow);
	~Rows();
	Rows(const Rows &) = delete;
	Rows &operator=(const Rows &) = delete;

	// The next row that is not blank, or false at the end. Throws Failure.
	bool next(Row &row);

	uint64_t offset() const { return lines_.offset(); }

private:
	void parse(std::string_view line, Row &row);
	std::string_view decode(std::string_view line, Row &row);
	void skip_sep_line();

	const Source &source_;
	const Dialect dialect_;
	size_t longest_;
	Lines lines_;
	Converter converter_;
	std::string decoded_;
	csv_parser parser_ = {};
	bool row_ended_ = false;
	Row *row_ = nullptr;
};

} // namespace importer
