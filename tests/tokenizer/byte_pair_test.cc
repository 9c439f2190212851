#include <gmock/gmock.h>

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

// 256 " t", 257 "he", 258 " the", 259 "the" (no merge leads to it first)
SmallVocabulary the() {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  vocabulary.merge(" ", "t").merge("h", "e").merge(" t", "he").merge("t", "he");
  return vocabulary;
}

TEST(BytePair, MergesInTheOrderLearnt) {
  auto vocabulary = the();
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("the the"), ElementsAre(259, 258));
  EXPECT_THAT(tokenizer->encode("t he"), ElementsAre('t', ' ', 257));
  EXPECT_THAT(tokenizer->encode(""), IsEmpty());
  EXPECT_EQ(tokenizer->piece(258), " the");
  EXPECT_EQ(tokenizer->find("\u0120the"), 258);
  EXPECT_EQ(tokenizer->find(" the"), std::nullopt);
  EXPECT_EQ(tokenizer->size(), 260U);
}

TEST(BytePair, EveryByteComesBack) {
  auto vocabulary = the();
  const auto tokenizer = vocabulary.tokenizer();
  std::string text;
  for (int byte = 255; byte >= 0; --byte) text += static_cast<char>(byte);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
}

TEST(BytePair, AWordThatIsAnEntryNeedsNoMergesInLlama3) {
  auto vocabulary = SmallVocabulary::byte_pair("llama-bpe");
  vocabulary.add("\u0120the").add("<|x|>", SmallVocabulary::control);
  EXPECT_THAT(vocabulary.tokenizer()->encode(" the"), ElementsAre(256));
  auto gpt2 = SmallVocabulary::byte_pair("gpt-2");
  gpt2.add("\u0120the");
  EXPECT_THAT(gpt2.tokenizer()->encode(" the"), ElementsAre(' ', 't', 'h', 'e'));
}

TEST(BytePair, AByteWithoutATokenIsLeftOutAndKeepsItsNeighboursApart) {
  auto vocabulary = SmallVocabulary::byte_pair_without_bytes("gpt-2");
  vocabulary.add("a").add("b").merge("a", "b");
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(2));
  EXPECT_THAT(tokenizer->encode("acb"), ElementsAre(0, 1));
}

TEST(BytePair, StartTokenWhereTheFileOrItsFamilyAsksForOne) {
  const auto tokens = [](const char* pre, std::optional<bool> asks, bool wanted) {
    auto vocabulary = SmallVocabulary::byte_pair(pre);
    vocabulary.add("<s>", SmallVocabulary::control).set("tokenizer.ggml.bos_token_id", 256U);
    if (asks) vocabulary.set("tokenizer.ggml.add_bos_token", *asks);
    EncodeOptions options;
    options.add_start = wanted;
    return vocabulary.tokenizer()->encode("a", options);
  };
  EXPECT_THAT(tokens("gpt-2", std::nullopt, true), ElementsAre('a'));
  EXPECT_THAT(tokens("gpt-2", true, true), ElementsAre(256, 'a'));
  EXPECT_THAT(tokens("llama-bpe", std::nullopt, true), ElementsAre(256, 'a'));
  EXPECT_THAT(tokens("llama-bpe", std::nullopt, false), ElementsAre('a'));
  EXPECT_THAT(tokens("llama-bpe", false, true), ElementsAre('a'));
}

TEST(BytePair, NoMergeLeadsToAControlToken) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  vocabulary.add("<s", SmallVocabulary::control).raw_merge("< s");
  EXPECT_THAT(vocabulary.tokenizer()->encode("<s"), ElementsAre('<', 's'));
}

TEST(BytePair, AMegabyteOfOneLetterIsMergedWhole) {
  auto vocabulary = SmallVocabulary::byte_pair("llama-bpe");
  std::string run = "a";
  for (int i = 0; i < 6; ++i, run += run) vocabulary.merge(run, run);  // 256 + i: 2^(i + 1) letters
  const auto tokens = vocabulary.tokenizer()->encode(std::string(1'000'000, 'a'));
  EXPECT_EQ(tokens, std::vector<Token>(1'000'000 / 64, 261));
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

TEST(BytePair, RefusesMergesThatCannotBe) {
  auto spaceless = SmallVocabulary::byte_pair("gpt-2");
  spaceless.merge("a", "b").raw_merge("ab");
  EXPECT_THAT(refusal(spaceless), HasSubstr("merges[1] is 'ab'"));
  auto unknown = SmallVocabulary::byte_pair("gpt-2");
  unknown.raw_merge("a zz");
  EXPECT_THAT(refusal(unknown), HasSubstr("merges[0] is 'a zz'"));
}

TEST(BytePair, NamesWhatItDoesNotSupport) {
  auto pre = SmallVocabulary::byte_pair("tekken");
  EXPECT_THAT(refusal(pre), HasSubstr("tokenizer.ggml.pre is 'tekken'"));
  auto model = SmallVocabulary::byte_pair("gpt-2");
  model.set("tokenizer.ggml.model", "rwkv");
  EXPECT_THAT(refusal(model),
              testing::AllOf(HasSubstr("'rwkv'"), HasSubstr("gpt2"), HasSubstr("llama")));
}

}  // namespace
}  // namespace ceiling
