// lines.hpp - the lines of a file as bytes, each with its end, in memory that does not grow with the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "encoding.hpp"
#include "source.hpp"

namespace importer {

// The longest row that is read. PostgreSQL takes no text above 1 GB, and a quote that is never closed would take in the rest of
// the file.
constexpr size_t kLongestRow = size_t{64} << 20U;

class Lines
{
public:
	// From behind the byte order mark on. The terminator is '\n' or '\r'.
	Lines(const Source &source, const Encoding &encoding, char terminator);

	// The next line, or false at the end. It is valid until the next call. Throws Failure.
	bool next(std::string_view &line);

	uint64_t number() const { return number_; }					  // of the last line, from 1
	uint64_t offset() const { return offset_ - (end_ - begin_); } // where the next line begins

private:
	size_t find_terminator(size_t from) const;

	const Source &source_;
	std::string terminator_;
	std::vector<char> bytes_;
	size_t begin_ = 0;
	size_t end_ = 0;
	uint64_t offset_; // of what comes behind end_
	uint64_t number_ = 0;
	bool is_at_end_ = false;
};

} // namespace importer
