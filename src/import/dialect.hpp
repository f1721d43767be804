// dialect.hpp - finds out how a file is written, from its head.
#pragma once

#include "rows.hpp"

namespace importer {

// The dialect of a file of that encoding; separator 0: the one of , ; tab and | that takes the first line apart such that most
// rows of the head have as many cells, a comma if none does.
Dialect find_dialect(const Source &source, const Encoding &encoding, char separator);

// How people write a separator: the character, or "tab".
std::string separator_name(char separator);

} // namespace importer
