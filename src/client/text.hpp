// text.hpp - what others say, made fit for a database and a terminal.
#pragma once

#include <string>
#include <string_view>

namespace client {

// The text cut to some 1,000 bytes, with '?' for each byte that is a control character or not part of valid UTF-8.
std::string readable(std::string_view text);

// The text with '?' for each byte that is not ASCII: every encoding has that.
std::string ascii(std::string_view text);

} // namespace client
