// Reading UTF-8 that may be damaged or cut off (The Unicode Standard, table 3-7).
#pragma once

#include <cstddef>
#include <string_view>

namespace ceiling {

enum class Utf8State {
  whole,       // a character
  incomplete,  // the text ends inside what may become a character
  invalid,     // bytes that no further byte can make a character
};

struct Utf8Character {
  Utf8State state = Utf8State::invalid;
  std::size_t bytes = 0;  // how many of the text it covers, at least 1
};

// What stands at the front of `text`, which is not empty.
Utf8Character first_character(std::string_view text);

// Bytes at the front of `text` that are whole characters.
std::size_t valid_utf8_prefix(std::string_view text);

}  // namespace ceiling
