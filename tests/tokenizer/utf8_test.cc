#include "tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace ceiling {
namespace {

void expect(std::string_view text, Utf8State state, std::size_t bytes) {
  const Utf8Character found = first_character(text);
  EXPECT_EQ(found.state, state) << testing::PrintToString(std::string(text));
  EXPECT_EQ(found.bytes, bytes) << testing::PrintToString(std::string(text));
}

// An encoder of its own as the truth.
std::string encode(std::uint32_t point) {
  std::string text;
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | point >> 6);
    text += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | point >> 12);
    text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | point >> 18);
    text += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (point & 0x3F));
  }
  return text;
}

TEST(Utf8, EveryCodePointIsWholeAndEveryStartOfItIncomplete) {
  for (std::uint32_t point = 0; point < 0x110000; ++point) {
    if (point >= 0xD800 && point < 0xE000) continue;
    const std::string text = encode(point);
    const Utf8Character found = first_character(text);
    ASSERT_TRUE(found.state == Utf8State::whole && found.bytes == text.size()) << point;
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      const Utf8Character part = first_character(std::string_view(text).substr(0, cut));
      ASSERT_TRUE(part.state == Utf8State::incomplete && part.bytes == cut) << point;
    }
  }
}

TEST(Utf8, RefusesWhatIsNoCharacter) {
  expect("\x80", Utf8State::invalid, 1);              // a continuation alone
  expect("\xC0\xAF", Utf8State::invalid, 1);          // overlong
  expect("\xC1\xBF", Utf8State::invalid, 1);          // overlong
  expect("\xE0\x9F\xBF", Utf8State::invalid, 1);      // overlong
  expect("\xED\xA0\x80", Utf8State::invalid, 1);      // a surrogate
  expect("\xF0\x8F\xBF\xBF", Utf8State::invalid, 1);  // overlong
  expect("\xF4\x90\x80\x80", Utf8State::invalid, 1);  // beyond U+10FFFF
  expect("\xF5", Utf8State::invalid, 1);
  expect("\xFF", Utf8State::invalid, 1);
  expect("\xE2\x82z", Utf8State::invalid, 2);  // a character broken off
  expect("\xF0\x9F\x98z", Utf8State::invalid, 3);
}

TEST(Utf8, ValidPrefixStopsAtTheFirstDamage) {
  EXPECT_EQ(valid_utf8_prefix(""), 0U);
  EXPECT_EQ(valid_utf8_prefix("a\u00e9\U0001F600"), 7U);
  EXPECT_EQ(valid_utf8_prefix("a\u00e9\xFFz"), 3U);
  EXPECT_EQ(valid_utf8_prefix("a\xF0\x9F\x98"), 1U);
}

}  // namespace
}  // namespace ceiling
