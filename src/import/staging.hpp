// staging.hpp - the staging table: the rows of the file as text, with the number of their line.
//
// The table's comment says of which file it is, and how that was read. So the same command finds it again when it was stopped, and
// copies nothing; the table and its rows come in one transaction, with the comment. It is dropped when the file is loaded.
#pragma once

#include <string>

#include "header.hpp"
#include "matching.hpp"
#include "options.hpp"
#include "server.hpp"
#include "source.hpp"
#include "terminal.hpp"

namespace importer {

class Staging
{
public:
	// Finds the table's name, and whether it is there. Throws Failure if no schema is named.
	Staging(Connection &connection, const std::string &workspace, const Options &options, const Source &source,
			const Scan &scanned);

	// Whether the table is there with the rows of another file, or of one that was read in another way.
	bool is_of_other_command() const { return is_there_ && !is_known_; }

	// Copies the rows, unless they are there.
	void copy(Terminal &terminal, const Source &source, const Dialect &dialect, const Header &header,
			  const Matching &matching);

	void drop();

	const std::string &name() const { return name_; } // as contacts.import_progress has it
	int64_t rows() const { return rows_; }
	int64_t bad() const { return bad_; } // that are not in it
	bool was_there() const { return is_there_ && is_same_; }

private:
	void find(const Options &options, const std::string &base);
	std::string columns(const Matching &matching) const;
	void create(const Matching &matching);

	Connection &connection_;
	std::string name_;
	std::string identity_;
	int64_t rows_ = 0;
	int64_t bad_ = 0;
	bool is_there_ = false;
	bool is_known_ = false; // by its comment
	bool is_same_ = false;	// and has its rows
};

// A cell as COPY's text format has it; a blank one is NULL, for that means the same.
void append_copy_text(std::string &line, std::string_view cell);

} // namespace importer
