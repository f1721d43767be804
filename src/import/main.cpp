// contact-import: loads files with contacts into contact_upsert.
#include <cstdio>
#include <exception>
#include <string>

#include "client/log.hpp"
#include "client/stop.hpp"
#include "program.hpp"

const char client::kProgram[] = "contact-import";

namespace {

importer::ExitCode
run(const importer::Options &options)
{
	switch (options.task)
	{
		case importer::Task::kUndo:
			return importer::undo_import(options);
		case importer::Task::kList:
			return importer::list_imports(options);
		default:
			return importer::Program(options).run();
	}
}

// What has failed, whole: the end of a long message says what can be done. client::say() cuts at what a pipe takes at once.
void
report(const std::string &message)
{
	std::string text = std::string(client::kProgram) + ": " + message;

	if (!text.ends_with('\n'))
		text += '\n';
	(void)std::fputs(text.c_str(), stderr);
}

} // namespace

int
main(int argc, char **argv)
{
	importer::Options options = importer::read_options(argc, argv);

	try
	{
		client::catch_signals();
		return run(options);
	}
	catch (const importer::Failure &failure)
	{
		report(failure.what());
		return failure.code();
	}
	catch (const client::ServerError &error)
	{
		report(importer::explain(error));
		if (client::stop_requested())
			return importer::kStopped;
		if (error.disconnected())
			report("The same command goes on when the server is there again.");
		return error.disconnected() ? importer::kUnreachable : importer::kRefused;
	}
	catch (const std::exception &error)
	{
		report(error.what());
		return importer::kUnreadable;
	}
}
