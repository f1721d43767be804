// options.hpp - the command line.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace importer {

enum class Task
{
	kImport,
	kUndo,
	kList
};

struct Options
{
	Task task = Task::kImport;
	std::string file;
	bool standard_input = false;
	std::string dbname;
	std::optional<std::string> workspace; // of the server's setting, if it is not given
	std::string undo;					  // the number of the import

	// how the file is read
	std::string encoding; // empty: found out
	char separator = '\0';
	std::string schema; // of the staging table; empty: the first of search_path

	// what contacts.import() is told
	std::vector<std::pair<std::string, std::optional<std::string>>>
		columns; // name and target; none leaves the column out
	std::string unknown = "refuse";
	std::optional<std::string> date_format;
	std::optional<std::string> list_separator;
	std::string blank = "keep";
	std::optional<std::string> mode;
	std::optional<std::string> source;
	bool create_tags = false;
	bool history = true;
	bool events = true;
	bool restart = false;
	bool retry = false;
	int chunk = 1000;

	std::string reject; // the file for bad rows
	bool yes = false;
	bool dry_run = false;
	bool quiet = false;
};

// Reads the command line. Exits after --help and --version, and with kUsage after saying what is wrong.
Options read_options(int argc, char **argv);

} // namespace importer
