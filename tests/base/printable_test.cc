#include "base/printable.h"

#include <gtest/gtest.h>

namespace ceiling {
namespace {

TEST(Printable, PlainTextStays) {
  EXPECT_EQ(printable("Llama 3.1 caf\u00e9 \u2603 \U0001f600"),
            "Llama 3.1 caf\u00e9 \u2603 \U0001f600");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, NothingThatSteersATerminalPasses) {
  EXPECT_EQ(printable("\x1b[31mred\a"), "\\x1b[31mred\\x07");
  EXPECT_EQ(printable("a\nb\tc\r\\"), "a\\nb\\tc\\r\\\\");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");     // C1: control sequence introducer
  EXPECT_EQ(printable("\u202e"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Printable, BrokenUtf8IsShownByteByByte) {
  EXPECT_EQ(printable("\xff"
                      "a"),
            "\\xffa");
  EXPECT_EQ(printable("\xc3"), "\\xc3");           // cut short
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");  // overlong
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(Printable, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("ab\u00e9", 3), "ab...");
}

}  // namespace
}  // namespace ceiling
