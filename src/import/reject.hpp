// reject.hpp - the file for bad rows: each as it was, with two columns behind that say what is wrong, and why.
//
// The rows are taken from the file, which is read again: what is bad by itself is found again, what the server has refused is
// merged in by its line. So however many they are, memory has a page of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "header.hpp"
#include "server.hpp"
#include "source.hpp"

namespace importer {

// What the server has refused, in the order of the file.
class BadRows
{
public:
	BadRows(Connection &connection, const std::string &workspace, const std::string &import_id);

	// The next bad row, or false at the end.
	bool next();

	uint64_t line() const { return line_; }
	const std::string &columns() const { return columns_; }
	const std::string &reasons() const { return reasons_; }

private:
	Connection &connection_;
	std::vector<Parameter> parameters_;
	Result page_;
	int row_ = -1;
	std::string last_row_ = "0"; // its row_number
	uint64_t line_ = 0;
	std::string columns_;
	std::string reasons_;
};

class RejectFile
{
public:
	// Opens the file; what is in it stays until write(), and one that was not there goes without. Throws Failure if it cannot be written, or is the source.
	RejectFile(const std::string &path, const Source &source);
	~RejectFile();
	RejectFile(const RejectFile &) = delete;
	RejectFile &operator=(const RejectFile &) = delete;

	// Writes the header and the bad rows; returns how many. Throws Failure and ServerError.
	int64_t write(const Source &source, const Dialect &dialect, const Header &header, BadRows *refused);

private:
	void put(std::string_view bytes);
	void flush();
	void put_row(std::string_view bytes, const std::string &columns, const std::string &reasons);
	std::string without_reasons(const Row &row) const;

	std::string path_;
	int file_;
	bool is_new_; // and goes again if nothing is written
	std::string buffer_;
	Dialect dialect_;
	std::string end_; // of the header's line
	std::unique_ptr<Converter> encoder_;
};

// The text as a cell in quotes, those in it doubled; the ends of lines become blanks.
std::string in_quotes(std::string_view text, char quote);

} // namespace importer
