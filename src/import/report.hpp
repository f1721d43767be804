// report.hpp - what became of an import, or would become of it, for people.
#pragma once

#include <string>

#include "server.hpp"

namespace importer {

// "4 rows: 1 is created, ...", and what is lost by it.
std::string counts(const Progress &progress, bool is_dry_run);

// The bad rows by what is wrong with them, the most frequent first, ten of them at most; empty if there are none.
std::string bad_rows(Connection &connection, const std::string &workspace, const Progress &progress);

} // namespace importer
