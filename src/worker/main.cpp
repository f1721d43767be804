// contact-worker: hands the automation events of contact_upsert to a program, or relays them with NOTIFY.
#include <exception>

#include "log.hpp"
#include "options.hpp"
#include "stop.hpp"
#include "worker.hpp"

int
main(int argc, char **argv)
{
	worker::Options options = worker::read_options(argc, argv);

	try
	{
		worker::catch_signals();
		return worker::Worker(options).run();
	}
	catch (const std::exception &error)
	{
		worker::say(error.what());
		return worker::kStuck;
	}
}
