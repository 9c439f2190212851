// What both kinds of tokenizer take from the vocabulary: special entries, roles, damage.
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

const EncodeOptions with_control = {.add_start = true, .parse_special = true};

TEST(SpecialEntries, ControlTokensAreParsedOnlyWhereAsked) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  vocabulary.add("<|im_end|>", SmallVocabulary::control);
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("a<|im_end|>", with_control), ElementsAre('a', 256));
  EXPECT_EQ(tokenizer->encode("a<|im_end|>").size(), 11U);
  EXPECT_EQ(tokenizer->piece(256), "");
  EXPECT_EQ(tokenizer->piece(256, true), "<|im_end|>");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a<|im_end|>", with_control), true), "a<|im_end|>");
}

TEST(SpecialEntries, UserDefinedOnesAreFoundInEveryTextTheLongestFirst) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  vocabulary.add("\n\n", SmallVocabulary::user_defined)
      .add("\n\n\n", SmallVocabulary::user_defined)
      .add("\n\n\n\n", SmallVocabulary::control);
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_THAT(tokenizer->encode("a\n\n\n\n\nb"), ElementsAre('a', 257, 256, 'b'));
  EXPECT_THAT(tokenizer->encode("\n\n\n\n\nb", with_control), ElementsAre(258, '\n', 'b'));
  EXPECT_THAT(tokenizer->encode("\n"), ElementsAre('\n'));
  EXPECT_EQ(tokenizer->piece(256), "\n\n");
}

TEST(SpecialEntries, AFloodOfTheirFirstCharactersIsRead) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  for (int i = 0; i < 6000; ++i) {
    vocabulary.add("<unused" + std::to_string(i) + ">", SmallVocabulary::control);
  }
  const std::string flood(1'000'000, '<');
  EXPECT_EQ(vocabulary.tokenizer()->encode(flood, with_control),
            std::vector<Token>(1'000'000, '<'));
}

TEST(Vocabulary, TurnMarkersAreControlTokensHoweverTheFileTypesThem) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  vocabulary.add("<|im_start|>", SmallVocabulary::user_defined).add("<end_of_turn>");
  const auto tokenizer = vocabulary.tokenizer();
  EXPECT_EQ(tokenizer->kind(256), TokenKind::control);
  EXPECT_EQ(tokenizer->kind(257), TokenKind::control);
  EXPECT_THAT(tokenizer->encode("<|im_start|>"), testing::Not(testing::Contains(256)));
}

TEST(Vocabulary, StopsAreTheFilesAndTheWellKnown) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  vocabulary.add("<end>", SmallVocabulary::control)
      .add("<|eot_id|>", SmallVocabulary::control)
      .add("<turn>", SmallVocabulary::control)
      .set("tokenizer.ggml.eos_token_id", 256U)
      .set("tokenizer.ggml.eot_token_id", 258U);
  EXPECT_THAT(vocabulary.tokenizer()->stop_tokens(), ElementsAre(256, 258, 257));
}

TEST(Vocabulary, ATokenOutsideIsAnError) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  const auto tokenizer = vocabulary.tokenizer();
  for (const Token token : {-1, 256, 1 << 30}) {
    EXPECT_THROW(tokenizer->piece(token), Error) << token;
    EXPECT_THROW(tokenizer->kind(token), Error) << token;
    EXPECT_THROW(tokenizer->decode(std::vector<Token>{65, token}), Error) << token;
  }
}

TEST(Vocabulary, LivesOnWithoutTheFile) {
  std::shared_ptr<const Tokenizer> tokenizer;
  {
    auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
    tokenizer = vocabulary.merge("a", "b").tokenizer();
  }
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(256));
  EXPECT_EQ(tokenizer->piece(256), "ab");
}

std::string refusal(SmallVocabulary& vocabulary, auto change) {
  vocabulary.metadata();
  auto metadata = vocabulary.metadata();
  change(metadata);
  try {
    Tokenizer::from_metadata(metadata);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    return error.what();
  }
  return "no error";
}

gguf::Value integers(std::vector<std::int64_t> values) {
  gguf::Array array;
  array.element = gguf::ValueType::i32;
  array.values = std::move(values);
  return {gguf::ValueType::array, std::move(array)};
}

TEST(Vocabulary, RefusesDamageNamingIt) {
  auto vocabulary = SmallVocabulary::byte_pair("gpt-2");
  EXPECT_THAT(refusal(vocabulary,
                      [](auto& metadata) {
                        metadata.insert("tokenizer.ggml.token_type", integers({1, 1, 1}));
                      }),
              HasSubstr("tokenizer.ggml.token_type has 3 entries"));
  EXPECT_THAT(refusal(vocabulary,
                      [](auto& metadata) {
                        std::vector<std::int64_t> types(256, 1);
                        types[7] = 9;
                        metadata.insert("tokenizer.ggml.token_type", integers(types));
                      }),
              HasSubstr("tokenizer.ggml.token_type[7] is 9"));
  EXPECT_THAT(refusal(vocabulary,
                      [](auto& metadata) {
                        metadata.insert("tokenizer.ggml.bos_token_id",
                                        {gguf::ValueType::u32, std::uint64_t{256}});
                      }),
              HasSubstr("tokenizer.ggml.bos_token_id is 256"));
  EXPECT_THAT(refusal(vocabulary,
                      [](auto& metadata) {
                        metadata.insert(
                            "tokenizer.ggml.tokens",
                            {gguf::ValueType::array, gguf::Array{gguf::ValueType::string,
                                                                 std::vector<std::string_view>{}}});
                      }),
              HasSubstr("tokenizer.ggml.tokens has 0 entries"));
  EXPECT_THAT(refusal(vocabulary, [](auto& metadata) { metadata = gguf::Metadata(); }),
              HasSubstr("tokenizer.ggml.model"));
}

}  // namespace
}  // namespace ceiling
