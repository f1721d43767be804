// contact-import: loads files with contacts into contact_upsert.
#include <exception>

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
		client::say(failure.what());
		return failure.code();
	}
	catch (const client::ServerError &error)
	{
		client::say(importer::explain(error));
		if (client::stop_requested())
			return importer::kStopped;
		if (error.disconnected())
			client::say("The same command goes on when the server is there again.");
		return error.disconnected() ? importer::kUnreachable : importer::kRefused;
	}
	catch (const std::exception &error)
	{
		client::say(error.what());
		return importer::kUnreadable;
	}
}
