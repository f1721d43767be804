// contact-worker: hands the automation events of contact_upsert to a program, or relays them with NOTIFY.
#include <exception>

#include "client/log.hpp"
#include "client/stop.hpp"
#include "options.hpp"
#include "worker.hpp"

const char client::kProgram[] = "contact-worker";

int
main(int argc, char **argv)
{
	worker::Options options = worker::read_options(argc, argv);

	try
	{
		client::catch_signals();
		return worker::Worker(options).run();
	}
	catch (const std::exception &error)
	{
		client::say(error.what());
		return worker::kStuck;
	}
}
