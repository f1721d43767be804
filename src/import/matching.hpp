// matching.hpp - which column of the file is what: contacts.match_columns() says it, and here it is shown, with examples.
#pragma once

#include <string>
#include <vector>

#include "header.hpp"
#include "options.hpp"
#include "server.hpp"

namespace importer {

struct Match
{
	Column column;
	std::string target; // empty: none
	std::string problem;
	std::string nearest; // to a column that is no field
	std::vector<std::string> examples;
	bool is_staged = false; // whether it is in the staging table
};

class Matching
{
public:
	// Asks the server. Throws Failure if --column names what is not there.
	Matching(Connection &connection, const std::string &workspace, const Options &options, const Header &header);

	// Takes examples from the head of the file, three for each column.
	void take_examples(const Row &row);

	// The table for people.
	std::string table() const;

	// Why the columns do not fit; empty if they do.
	std::string problem() const;

	const std::vector<Match> &matches() const { return matches_; }

	// contacts.import()'s parameter columns, as keys and values.
	std::vector<Parameter> names() const;
	std::vector<Parameter> targets() const;

private:
	bool is_passed(const Match &match) const;

	std::vector<Match> matches_;
	const Options &options_;
};

} // namespace importer
