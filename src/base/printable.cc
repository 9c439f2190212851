#include "base/printable.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace ceiling {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// Bytes of the well-formed UTF-8 character at `i` (RFC 3629), 0 where there is none.
std::size_t character_bytes(std::string_view text, std::size_t i) {
  const unsigned char first = byte_at(text, i);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - i < length) return 0;
  std::uint32_t code = first & (0x7fu >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte_at(text, i + k) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte_at(text, i + k) & 0x3fu);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  return surrogate || overlong || code > 0x10ffff ? 0 : length;
}

// C0, DEL, C1, and the marks that reorder or separate lines.
bool is_control(std::string_view character) {
  const unsigned char first = byte_at(character, 0);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  if (character.size() == 2) return first == 0xc2 && byte_at(character, 1) < 0xa0;
  const bool general_punctuation = first == 0xe2 && byte_at(character, 1) == 0x80;
  return character.size() == 3 && general_punctuation && byte_at(character, 2) >= 0xa8 &&
         byte_at(character, 2) <= 0xae;
}

void append_escaped(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t whole = character_bytes(text, i);
    const std::string_view piece = text.substr(i, whole == 0 ? 1 : whole);
    if (limit != 0 && i + piece.size() > limit) return out + "...";
    if (whole == 0 || is_control(piece) || piece == "\\") {
      append_escaped(out, piece);
    } else {
      out += piece;
    }
    i += piece.size();
  }
  return out;
}

}  // namespace ceiling
