#include "tokenizer/byte_alphabet.h"

#include <array>

#include "tokenizer/utf8.h"

namespace ceiling {

namespace {

constexpr std::size_t first_moved = 0x100;  // code point that the first unprintable byte takes
constexpr std::size_t moved_bytes = 68;     // 0..32, 127..160 and 173

constexpr bool stands_for_itself(std::size_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char16_t, 256> character_of{};
  std::array<unsigned char, moved_bytes> byte_of_moved{};
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  std::size_t moved = 0;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (stands_for_itself(byte)) {
      alphabet.character_of[byte] = static_cast<char16_t>(byte);
    } else {
      alphabet.byte_of_moved[moved] = static_cast<unsigned char>(byte);
      alphabet.character_of[byte] = static_cast<char16_t>(first_moved + moved++);
    }
  }
  return alphabet;
}

constexpr Alphabet alphabet = make_alphabet();

// All characters of the alphabet take one or two bytes of UTF-8.
std::size_t code_point(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return lead;
  return (lead & 0x1FU) << 6U | (static_cast<unsigned char>(character[1]) & 0x3FU);
}

}  // namespace

std::string byte_to_alphabet(unsigned char byte) {
  const unsigned character = alphabet.character_of[byte];
  if (character < 0x80) return {static_cast<char>(character)};
  return {static_cast<char>(0xC0U | character >> 6U),
          static_cast<char>(0x80U | (character & 0x3FU))};
}

std::optional<std::string> alphabet_to_bytes(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    if (character.state != Utf8State::whole || character.bytes > 2) return std::nullopt;
    const std::size_t point = code_point(text.substr(0, character.bytes));
    if (point < first_moved ? stands_for_itself(point) : point < first_moved + moved_bytes) {
      bytes += static_cast<char>(point < first_moved ? point
                                                     : alphabet.byte_of_moved[point - first_moved]);
    } else {
      return std::nullopt;
    }
    text.remove_prefix(character.bytes);
  }
  return bytes;
}

}  // namespace ceiling
