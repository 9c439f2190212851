#include "tokenizer/utf8.h"

namespace ceiling {

namespace {

struct Shape {
  std::size_t length = 0;            // 0: no character starts with this byte
  unsigned char second_low = 0x80;   // the second byte's range excludes overlong forms,
  unsigned char second_high = 0xBF;  // surrogates and what lies beyond U+10FFFF
};

Shape shape_of(unsigned char lead) {
  if (lead < 0x80) return {1};
  if (lead < 0xC2) return {0};
  if (lead < 0xE0) return {2};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

}  // namespace

Utf8Character first_character(std::string_view text) {
  const Shape shape = shape_of(static_cast<unsigned char>(text[0]));
  if (shape.length == 0) return {Utf8State::invalid, 1};
  for (std::size_t i = 1; i < shape.length; ++i) {
    if (i == text.size()) return {Utf8State::incomplete, i};
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool good = i == 1 ? byte >= shape.second_low && byte <= shape.second_high
                             : byte >= 0x80 && byte <= 0xBF;
    if (!good) return {Utf8State::invalid, i};
  }
  return {Utf8State::whole, shape.length};
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Utf8Character character = first_character(text.substr(at));
    if (character.state != Utf8State::whole) break;
    at += character.bytes;
  }
  return at;
}

}  // namespace ceiling
