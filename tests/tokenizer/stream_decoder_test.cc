#include "tokenizer/stream_decoder.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/small_vocabulary.h"
#include "tokenizer/utf8.h"

namespace ceiling {
namespace {

using test::SmallVocabulary;

std::vector<std::string> stream(StreamDecoder decoder, std::string_view bytes) {
  std::vector<std::string> pieces;
  for (const char byte : bytes) {
    pieces.push_back(decoder.push(static_cast<unsigned char>(byte)));
  }
  pieces.push_back(decoder.finish());
  return pieces;
}

using Texts = std::vector<std::string>;

TEST(StreamDecoder, HoldsACharacterBackUntilItIsWhole) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_EQ(stream(StreamDecoder(tokenizer), "a\u00e9\U0001F600"),
            (Texts{"a", "", "\u00e9", "", "", "", "\U0001F600", ""}));
}

TEST(StreamDecoder, DamageBecomesReplacementCharactersAndLosesNothingElse) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_EQ(stream(StreamDecoder(tokenizer), "\xFFz"), (Texts{"\uFFFD", "z", ""}));
  EXPECT_EQ(stream(StreamDecoder(tokenizer), "\xE2\x82z"), (Texts{"", "", "\uFFFDz", ""}));
  EXPECT_EQ(stream(StreamDecoder(tokenizer), "z\xF0\x9F\x98"), (Texts{"z", "", "", "", "\uFFFD"}));
  EXPECT_EQ(stream(StreamDecoder(tokenizer), "\xE2\xE2\x82\xAC"),
            (Texts{"", "\uFFFD", "", "\u20AC", ""}));
}

TEST(StreamDecoder, EveryPairOfBytesGivesValidText) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  const auto tokenizer = vocabulary.tokenizer();
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      StreamDecoder decoder(tokenizer);
      for (const std::string& text :
           {decoder.push(first), decoder.push(second), decoder.push('z'), decoder.finish()}) {
        ASSERT_EQ(valid_utf8_prefix(text), text.size()) << first << " " << second;
      }
    }
  }
}

TEST(StreamDecoder, ControlTokensAreSilent) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  const auto tokenizer = vocabulary.add("<s>", SmallVocabulary::control).tokenizer();
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(256), "");
  EXPECT_EQ(decoder.push('a'), "a");
}

TEST(StreamDecoder, DropsSentencePiecesAddedSpaceOnlyAtTheStartOfAText) {
  auto vocabulary = SmallVocabulary::sentence_piece();
  vocabulary.add("\u2581a").add("\u2581");
  const auto tokenizer = vocabulary.tokenizer();
  constexpr Token start = 1, a = 259, space = 260;
  const auto text = [&](bool after_text, std::vector<Token> tokens) {
    StreamDecoder decoder(tokenizer, after_text);
    std::string result;
    for (const Token token : tokens) result += decoder.push(token);
    return result;
  };
  EXPECT_EQ(text(true, {a, a}), " a a");
  EXPECT_EQ(text(false, {start, a, a}), "a a");
  EXPECT_EQ(text(false, {space, a}), " a");
}

}  // namespace
}  // namespace ceiling
