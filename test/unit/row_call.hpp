/*
 * row_call.hpp - reads rows of files as contacts.import does: columns by their names, then a request of each row, then the decision.
 */
#pragma once

#include "core_call.hpp"

#include "core/contact_rows.h"

#include <optional>
#include <span>

class RowCall
{
public:
	/* names: a JSON array; targets: "columns" as JSON, or "null" */
	explicit RowCall(std::string_view names, std::string_view definitions = kDefinitions,
					 std::string_view targets = "null");

	/* Matches the columns, which is done by prepare() too. */
	cu_result match();

	/* "email_address, first_name (label), - (unknown: plan)": what the columns are. */
	std::string columns_found();

	/* Reads a row, a JSON array of cells; prepares the reader first if that is not done. */
	cu_result read(std::string_view cells);

	/* The same for cells that are these texts. */
	cu_result read_texts(const std::vector<std::string_view> &texts);

	/* The request for a row, or "result n". */
	std::string request(std::string_view cells);

	/* What the cell in a row's first column became in its request, or "-" for nothing. */
	std::string value(std::string_view cells);

	/* What becomes of a contact by a row: as CoreCall::outcome(), with the hint of the column at fault behind an error. */
	std::string outcome(std::string_view contact, std::string_view cells);

	/* The same for the row that was read last. */
	std::string outcome_of_row(std::string_view contact);

	TestHost host;
	cu_read_options options{};
	std::vector<cu_column> columns;
	std::vector<cu_column_match> matches;
	cu_matching matching{};
	cu_row row{};
	const cu_definitions *definitions = nullptr;

private:
	cu_result read_cells(std::span<const cu_json> cells);

	JsonDocument definitions_;
	JsonDocument names_;
	JsonDocument targets_;
	WorkspaceSource workspace_;
	std::optional<JsonDocument> cells_;
	std::vector<cu_json> texts_;
	const cu_row_reader *reader_ = nullptr;
};

/* What a cell of a column of that name becomes in a request of the default workspace: its JSON, "-" for nothing. */
std::string cell_value(std::string_view column, std::string_view cell);

/* A text as JSON. */
std::string json_text(std::string_view text);
