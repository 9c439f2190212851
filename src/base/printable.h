// Text from untrusted files, made safe to print on a terminal and in messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ceiling {

// Control characters, broken UTF-8 and backslashes become \xNN or \n, \t, \\; the rest stays.
// At most `limit` bytes of the text are shown (cut between characters, then "..."); 0: all.
std::string printable(std::string_view text, std::size_t limit = 0);

}  // namespace ceiling
