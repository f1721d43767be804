#include "conninfo.hpp"

#include <cstring>
#include <libpq-fe.h>
#include <memory>

namespace client {

std::string
conninfo_problem(const char *text)
{
	char *why = nullptr;

	if (!std::strchr(text, '=') && std::strncmp(text, "postgres://", 11) != 0 &&
		std::strncmp(text, "postgresql://", 13) != 0)
		return "";

	std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(text, &why), PQconninfoFree);

	if (parsed)
		return "";

	std::string problem = why ? why : "out of memory";

	PQfreemem(why);
	return problem;
}

} // namespace client
