// show.hpp - numbers, times and tables, as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace importer {

// 1234567 as 1,234,567.
std::string grouped(int64_t number);

// "1 row", "2 rows", "1,000 rows".
std::string counted(int64_t number, std::string_view noun);

// Seconds that are to come: 59 s, 1:05, 2:03:09.
std::string duration(double seconds);

// Seconds that have gone: the same, and 0.3 s below ten.
std::string elapsed(double seconds);

// The text in so many columns of a terminal at most, with "…" if it is cut. Control characters become '?'.
std::string shortened(std::string_view text, size_t width);

// Columns beside each other, each as wide as its widest cell; two spaces between, no space at the end of a line.
std::string table(const std::vector<std::vector<std::string>> &rows);

// The line that shows how far something is: a bar where the width leaves room for it, the part done, rows, rate, and the time left.
std::string progress_line(std::string_view what, int64_t done, int64_t total, double rate, size_t width);

} // namespace importer
