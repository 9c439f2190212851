#include "tokenizer/pre_tokeniser.h"

#include <gmock/gmock.h>

#include <string>

#include "base/error.h"

namespace ceiling {
namespace {

using testing::ElementsAre;

TEST(PreTokeniser, Gpt2KeepsASpaceWithTheWordAfterIt) {
  const PreTokeniser gpt2("gpt-2");
  EXPECT_THAT(gpt2.split("Hello world  it's 2024!?"),
              ElementsAre("Hello", " world", " ", " it", "'s", " 2024", "!?"));
  EXPECT_THAT(gpt2.split("a   \n b  "), ElementsAre("a", "   \n", " b", "  "));
  EXPECT_THAT(gpt2.split("I'M"), ElementsAre("I", "'", "M"));  // capitals: no contraction
}

TEST(PreTokeniser, Llama3GroupsDigitsByThreeAndNewlinesWithWhatPrecedes) {
  const PreTokeniser llama("llama-bpe");
  EXPECT_THAT(llama.split("x12345 I'M\n\n  y"),
              ElementsAre("x", "123", "45", " I", "'M", "\n\n", " ", " y"));
  EXPECT_THAT(llama.split("(word) ...\n\nz"), ElementsAre("(word", ")", " ...\n\n", "z"));
}

TEST(PreTokeniser, Qwen2TakesDigitsOneByOne) {
  const PreTokeniser qwen("qwen2");
  EXPECT_THAT(qwen.split("x123 4"), ElementsAre("x", "1", "2", "3", " ", "4"));
}

TEST(PreTokeniser, SmolLmCutsDigitsOutBeforeAnythingElse) {
  const PreTokeniser smollm("smollm");
  EXPECT_THAT(smollm.split("x12 3  4  y"),
              ElementsAre("x", "1", "2", " ", "3", "  ", "4", " ", " y"));
}

TEST(PreTokeniser, SpacesAreUnicodesWhiteSpace) {
  const PreTokeniser gpt2("gpt-2");
  EXPECT_THAT(gpt2.split("a\u00A0\u3000b"), ElementsAre("a", "\u00A0", "\u3000", "b"));
  EXPECT_THAT(gpt2.split("a\u180E.b"), ElementsAre("a", "\u180E.", "b"));  // no longer a space
  EXPECT_THAT(gpt2.split("\u0646\u0635 \u0967\u0968"),
              ElementsAre("\u0646\u0635", " \u0967\u0968"));
}

TEST(PreTokeniser, BytesThatAreNotUtf8AreWordsOfTheirOwn) {
  const PreTokeniser gpt2("gpt-2");
  EXPECT_THAT(gpt2.split("ab\xFF\xFE"
                         "cd\xE2\x82"),
              ElementsAre("ab", "\xFF\xFE", "cd", "\xE2\x82"));
}

TEST(PreTokeniser, LongRunsOfEveryKindAreCutWhole) {
  constexpr std::size_t length = 1'000'000;
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "smollm"}) {
    const PreTokeniser pre(name);
    for (const char c : {'a', ' ', '\n', '.', '\xFF'}) {
      const std::string text(length, c);
      EXPECT_THAT(pre.split(text), ElementsAre(text)) << name << " " << int{c};
    }
    const std::string spaced = std::string(length, ' ') + "a";
    EXPECT_THAT(pre.split(spaced), ElementsAre(std::string(length - 1, ' '), " a")) << name;
  }
}

TEST(PreTokeniser, WordsCoverTheTextInOrder) {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) {
    for (int next = 0; next < 256; next += 5) {
      text += static_cast<char>(byte);
      text += static_cast<char>(next);
    }
  }
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "smollm"}) {
    std::string joined;
    for (const auto word : PreTokeniser(name).split(text)) {
      EXPECT_FALSE(word.empty());
      joined += word;
    }
    EXPECT_EQ(joined, text) << name;
  }
}

TEST(PreTokeniser, NamesAnUnknownOneAndThoseSupported) {
  try {
    PreTokeniser("tekken");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    EXPECT_THAT(error.what(), testing::HasSubstr("'tekken'"));
    for (const char* name : {"gpt-2", "llama-bpe", "llama3", "qwen2", "smollm"}) {
      EXPECT_THAT(error.what(), testing::HasSubstr(name));
    }
  }
}

}  // namespace
}  // namespace ceiling
