// conninfo.hpp - connection strings on a command line.
#pragma once

#include <string>

namespace client {

// What is wrong with a connection string or URI, as libpq says it; empty if nothing is. Anything else is the name of a database.
std::string conninfo_problem(const char *text);

} // namespace client
