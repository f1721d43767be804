// encoding.hpp - which encoding a file has, and conversions from it and back, which are iconv's.
#pragma once

#include <cstdint>
#include <iconv.h>
#include <string>
#include <string_view>

#include "source.hpp"

namespace importer {

// An Encoding is a name that iconv knows, with what a reader of lines has to know beside it.
struct Encoding
{
	std::string name = "UTF-8";
	size_t bom = 0;	 // bytes of the byte order mark at the head of the file
	size_t unit = 1; // bytes of the smallest piece
	bool is_big_endian = false;
	std::string notice; // for people, if something else than UTF-8 was found

	bool is_utf8() const { return name == "UTF-8"; }
	// The bytes of a character below 128.
	std::string bytes_of(char ascii) const;
};

// What a look at each byte of a file has found.
struct Scan
{
	uint64_t digest = 0xCBF29CE484222325; // FNV-1a: tells files apart, and is no proof against forgery
	uint64_t sequences = 0;				  // valid sequences of UTF-8 of more than one byte
	uint64_t invalid = 0;				  // bytes that belong to no valid sequence
};

Scan scan(const Source &source);

// The encoding of that name, or the one that the file seems to have: that of a byte order mark, UTF-16 if every other byte of
// the file's head is zero, UTF-8 if it is valid, or has more than a few sequences that are; else Windows-1252. Throws Failure.
Encoding find_encoding(const Source &source, const Scan &scanned, const std::string &wanted);

// A Converter converts pieces of text that stand for themselves, such as lines.
class Converter
{
public:
	Converter(const std::string &from, const std::string &to);
	~Converter();
	Converter(const Converter &) = delete;
	Converter &operator=(const Converter &) = delete;

	// Converts the text. A byte that is none of the encoding, or a character that the other one lacks, becomes '?'; then returns false.
	bool convert(std::string_view text, std::string &out);

private:
	iconv_t descriptor_;
	std::string replacement_; // '?', converted
	size_t unit_;
	bool from_utf8_;
};

} // namespace importer
