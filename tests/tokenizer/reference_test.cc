// Texts whose tokens are known from other engines.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "support/real_models.h"
#include "tokenizer/tokenizer.h"

namespace ceiling {
namespace {

nlohmann::json read_json(const std::string& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

struct Set {
  std::string name;
  std::string model;  // path
  std::string cases;  // path
  bool with_start;
  std::size_t least_cases;
};

void check(const Set& set) {
  const auto file = gguf::File::open(set.model);
  const auto tokenizer = Tokenizer::from_metadata(file->metadata());
  const auto cases = read_json(set.cases);
  EXPECT_GE(cases.size(), set.least_cases);
  for (const auto& one : cases) {
    const auto text = one.at("text").get<std::string>();
    const auto expected = one.at("tokens").get<std::vector<Token>>();
    EncodeOptions options;
    options.add_start = set.with_start;
    EXPECT_EQ(tokenizer->encode(text, options), expected) << set.name << ": '" << text << "'";
    EXPECT_EQ(tokenizer->decode(expected), text) << set.name;
  }
}

class VocabularySet : public testing::TestWithParam<const char*> {};

TEST_P(VocabularySet, GivesTheKnownTokensAndTheTextBack) {
  const std::string name = GetParam();
  check({name, std::string(CEILING_VOCABULARIES) + "/" + name + ".gguf",
         std::string(CEILING_TEST_DATA) + "/tokenizer/" + name + ".json", false, 30});
}

INSTANTIATE_TEST_SUITE_P(LlamaCpp, VocabularySet,
                         testing::Values("gpt-2", "llama-bpe", "llama-spm", "qwen2"));

TEST(RealModel, SmolLm2GivesTheKnownTokens) {
  check({"SmolLM2", test::real_model(test::smollm2),
         std::string(CEILING_TEST_DATA) + "/reference/smollm2-135m-q4_1.json", true, 5});
}

TEST(RealModel, Gemma3GivesTheKnownTokens) {
  check({"Gemma 3", test::real_model(test::gemma3),
         std::string(CEILING_TEST_DATA) + "/reference/gemma3-270m-q4_k_m.json", true, 5});
}

}  // namespace
}  // namespace ceiling
