// program.hpp - what contact-import does with a file, from the first look to the exit status.
#pragma once

#include <memory>
#include <optional>

#include "dialect.hpp"
#include "failure.hpp"
#include "header.hpp"
#include "import_call.hpp"
#include "options.hpp"
#include "reject.hpp"
#include "source.hpp"
#include "staging.hpp"
#include "terminal.hpp"

namespace importer {

class Program
{
public:
	explicit Program(const Options &options);

	// Throws Failure and ServerError.
	ExitCode run();

private:
	void look_at_file();
	bool wants_to_go_on();
	ExitCode load(Connection &connection);
	std::optional<Progress> leave(Connection &connection, Staging &staging);
	std::optional<Progress> keep_or_drop(Connection &connection, Staging &staging);
	ExitCode load_staged(Connection &connection, ImportCall &call, const Staging &staging);
	bool is_wanted(Connection &connection, ImportCall &call, const Staging &staging);
	void show_file();
	void require_same_command(Connection &connection, const Staging &staging);
	ExitCode finish(Connection &connection, const Staging &staging, const Progress &progress, bool is_dry_run);

	const Options &options_;
	Terminal terminal_;
	std::unique_ptr<Source> source_;
	Scan scanned_;
	Dialect dialect_;
	std::unique_ptr<Header> header_;
	std::unique_ptr<RejectFile> reject_;
	std::unique_ptr<Matching> matching_;
	std::string workspace_;
	std::optional<Progress> running_; // an import of the file that was interrupted
	std::optional<Progress> before_;  // the last import of the file
};

// --undo and --list.
ExitCode undo_import(const Options &options);
ExitCode list_imports(const Options &options);

} // namespace importer
