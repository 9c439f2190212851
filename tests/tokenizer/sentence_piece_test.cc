#include <gmock/gmock.h>

#include <limits>
#include <string>

#include "base/error.h"
#include "support/small_vocabulary.h"
#include "tokenizer/tokenizer.h"

namespace ceiling {
namespace {

using test::SmallVocabulary;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Token first_byte = 3;
constexpr Token first_piece = first_byte + 256;
constexpr Token byte(unsigned char value) { return first_byte + value; }

const EncodeOptions without_start = {.add_start = false, .parse_special = false};

// From first_piece: space, a, b, ab, " ab", " a"
SmallVocabulary ab() {
  auto vocabulary = SmallVocabulary::sentence_piece();
  vocabulary.add("\u2581", SmallVocabulary::normal, -10)
      .add("a", SmallVocabulary::normal, -11)
      .add("b", SmallVocabulary::normal, -12)
      .add("ab", SmallVocabulary::normal, -1)
      .add("\u2581ab", SmallVocabulary::normal, -2)
      .add("\u2581a", SmallVocabulary::normal, -3);
  return vocabulary;
}

TEST(SentencePiece, MergesByScoreBehindAnAddedSpace) {
  auto vocabulary = ab();
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(1, first_piece + 4));
  EXPECT_THAT(tokenizer->encode("ab", without_start), ElementsAre(first_piece + 4));
  EXPECT_THAT(tokenizer->encode("aab b", without_start),
              ElementsAre(first_piece + 5, first_piece + 3, first_piece, first_piece + 2));
  EXPECT_THAT(tokenizer->encode("", without_start), IsEmpty());
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("aab b")), "aab b");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(" a")), " a");
}

TEST(SentencePiece, AddsNoSpaceWhereTheFileSaysSo) {
  auto vocabulary = ab();
  vocabulary.set("tokenizer.ggml.add_space_prefix", false);
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("ab", without_start), ElementsAre(first_piece + 3));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(" ab")), " ab");
}

TEST(SentencePiece, CharactersWithoutAnEntryFallBackToBytes) {
  auto vocabulary = ab();
  vocabulary.set("tokenizer.ggml.add_space_prefix", false);
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("a\u00e9\n", without_start),
              ElementsAre(first_piece + 1, byte(0xC3), byte(0xA9), byte('\n')));
  EXPECT_THAT(tokenizer->encode("\xFF\xE2\x82", without_start),
              ElementsAre(byte(0xFF), byte(0xE2), byte(0x82)));
  EXPECT_EQ(tokenizer->piece(byte(0xC3)), "\xC3");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a\xFF\u00e9")), "a\xFF\u00e9");
}

TEST(SentencePiece, ControlUnknownByteAndUnusedEntriesAreNoPiecesOfAText) {
  auto vocabulary = ab();
  // Each has the best score of all, and its parts are entries.
  vocabulary.add("<", SmallVocabulary::normal, -20)
      .add("s", SmallVocabulary::normal, -20)
      .add("<s", SmallVocabulary::normal, -20)
      .add(">", SmallVocabulary::normal, -20)
      .add("aa", SmallVocabulary::unused, 0)
      .set("tokenizer.ggml.add_space_prefix", false);
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("<s>aa", without_start),
              ElementsAre(first_piece + 8, first_piece + 9, first_piece + 1, first_piece + 1));
  EXPECT_THAT(tokenizer->encode("<s>a", {.add_start = false, .parse_special = true}),
              ElementsAre(1, first_piece + 1));
  EXPECT_THAT(tokenizer->encode("<0x41>", without_start),
              testing::Not(testing::Contains(byte(0x41))));
}

TEST(SentencePiece, ATextAfterASpecialEntryStartsAnew) {
  auto vocabulary = ab();
  vocabulary.add("<tag>", SmallVocabulary::user_defined);
  EXPECT_THAT(vocabulary.tokenizer()->encode("ab<tag>ab", without_start),
              ElementsAre(first_piece + 4, first_piece + 6, first_piece + 4));
}

TEST(SentencePiece, EntriesMayHoldSpacesInside) {
  auto vocabulary = ab();
  vocabulary.add("b\u2581", SmallVocabulary::normal, -1)
      .add("b\u2581a", SmallVocabulary::normal, 0)
      .set("tokenizer.ggml.add_space_prefix", false);
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("ba b ab", without_start),
              ElementsAre(first_piece + 2, first_piece + 5 - 4, first_piece, first_piece + 7,
                          first_piece + 2));
}

TEST(SentencePiece, AMegabyteOfOneLetterIsMergedWhole) {
  auto vocabulary = ab();
  vocabulary.set("tokenizer.ggml.add_space_prefix", false);
  std::string run = "aa";
  for (int i = 0; i < 5; ++i, run += run) vocabulary.add(run, SmallVocabulary::normal, i);
  const auto tokens = vocabulary.tokenizer()->encode(std::string(1'000'000, 'a'), without_start);
  EXPECT_EQ(tokens, std::vector<Token>(1'000'000 / 32, first_piece + 6 + 4));
}

std::string refusal(SmallVocabulary& vocabulary) {
  try {
    vocabulary.tokenizer();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    return error.what();
  }
  return "no error";
}

TEST(SentencePiece, RefusesDamagedEntries) {
  auto infinite = ab();
  infinite.add("x", SmallVocabulary::normal, std::numeric_limits<double>::infinity());
  EXPECT_THAT(refusal(infinite), HasSubstr("scores[265]"));
  auto no_byte = ab();
  no_byte.add("<0xG0>", SmallVocabulary::byte);
  EXPECT_THAT(refusal(no_byte), HasSubstr("tokens[265] is '<0xG0>'"));
  auto no_scores = SmallVocabulary::byte_pair("default");
  no_scores.set("tokenizer.ggml.model", "llama");
  EXPECT_THAT(refusal(no_scores), HasSubstr("tokenizer.ggml.scores has 0 entries"));
}

}  // namespace
}  // namespace ceiling
