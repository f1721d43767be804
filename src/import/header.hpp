// header.hpp - the names of the columns, and the names that they have in the staging table.
#pragma once

#include <string>
#include <vector>

#include "rows.hpp"

namespace importer {

// The two columns that a reject file has behind those of its file. They are not loaded.
constexpr char kRejectColumn[] = "contact_import_column";
constexpr char kRejectReason[] = "contact_import_reason";

// The staging table's own column: the line of the file.
constexpr char kLineColumn[] = "contact_import_line";

struct Column
{
	std::string name;	// in the file
	std::string staged; // in the staging table
	size_t cell = 0;	// from 0
};

class Header
{
public:
	// Takes the first row. Throws Failure if it can be none: names that are blank or alike, an address in place of a name. Names at
	// its end may be blank, if the cells below are.
	Header(const std::string &file, const Row &row);

	// Why the row cannot be loaded; empty if it can.
	std::string problem(const Row &row) const;

	const std::vector<Column> &columns() const { return columns_; }

	// Whether the two columns with reasons are there, and whether a row has them: one that is ragged has them at its end.
	bool has_reasons() const { return has_reasons_; }
	bool has_reasons_of(const Row &row) const;

private:
	void name_staged();

	std::vector<Column> columns_;
	size_t width_ = 0; // cells of a row
	bool has_reasons_ = false;
};

} // namespace importer
