#include "tokenizer/byte_alphabet.h"

#include <gtest/gtest.h>

#include <set>

namespace ceiling {
namespace {

TEST(ByteAlphabet, WritesBytesAsGpt2Does) {
  EXPECT_EQ(byte_to_alphabet('A'), "A");
  EXPECT_EQ(byte_to_alphabet(' '), "\u0120");
  EXPECT_EQ(byte_to_alphabet('\n'), "\u010A");
  EXPECT_EQ(byte_to_alphabet(0), "\u0100");
  EXPECT_EQ(byte_to_alphabet(0x7F), "\u0121");
  EXPECT_EQ(byte_to_alphabet(0xA0), "\u0142");
  EXPECT_EQ(byte_to_alphabet(0xAD), "\u0143");
  EXPECT_EQ(byte_to_alphabet(0xFF), "\u00FF");
}

TEST(ByteAlphabet, EveryByteHasACharacterOfItsOwnAndComesBack) {
  std::set<std::string> characters;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string character = byte_to_alphabet(static_cast<unsigned char>(byte));
    EXPECT_TRUE(characters.insert(character).second) << byte;
    EXPECT_EQ(alphabet_to_bytes(character), std::string(1, static_cast<char>(byte)));
  }
}

TEST(ByteAlphabet, RefusesOtherCharacters) {
  EXPECT_EQ(alphabet_to_bytes("\u0120hello"), " hello");
  for (const char* text : {" ", "a\n", "\u0144", "\u2581", "\U0001F600", "\xFF", "a\xC4"}) {
    EXPECT_EQ(alphabet_to_bytes(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ceiling
