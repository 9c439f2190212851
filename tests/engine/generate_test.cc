#include "engine/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tiny_model.h"

namespace ceiling {
namespace {

std::shared_ptr<const Model> model() {
  static const auto opened = Model::open(write_tiny_model("generate_test"));
  return opened;
}

GenerateOptions greedy(std::uint32_t tokens) {
  GenerateOptions options;
  options.max_tokens = tokens;
  options.sampling.temperature = 0;
  options.ignore_stop = true;
  return options;
}

const std::vector<Token> prompt = {'t', 'h', 'e', ' ', 'r', 'o', 'o', 'f'};

Generation answer(const GenerateOptions& options, std::string* emitted = nullptr) {
  Session session(model(), {.device = "reference"});
  return generate(session, 0, prompt, options, [&](std::string_view text) {
    if (emitted != nullptr) *emitted += text;
    return true;
  });
}

TEST(Generate, GreedyTokensAreTheMostLikelyAtEachStep) {
  const Generation generation = answer(greedy(6));
  ASSERT_EQ(generation.tokens.size(), 6U);
  std::vector<Token> so_far = prompt;
  for (const Token token : generation.tokens) {
    Session session(model(), {.device = "reference"});
    const auto logits = session.append(0, so_far);
    EXPECT_EQ(token, std::ranges::max_element(logits) - logits.begin());
    so_far.push_back(token);
  }
}

TEST(Generate, CountsTheTokensAndBytesOfEachPhase) {
  const Generation generation = answer(greedy(6));
  EXPECT_EQ(generation.reason, StopReason::length);
  EXPECT_EQ(generation.prompt_tokens, prompt.size());
  EXPECT_EQ(generation.decode_steps, 5U);  // the first token comes from the prompt's logits
  EXPECT_GT(generation.tokens_per_s(), 0);
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto position = static_cast<std::uint32_t>(prompt.size()) + i;
    bytes += cost(model()->program(), shape_batch(position, 1)).read_bytes();
  }
  EXPECT_NEAR(static_cast<double>(generation.decode_read_bytes), static_cast<double>(bytes), 5);
}

TEST(Generate, WhatIsEmittedIsTheText) {
  std::string emitted;
  const Generation generation = answer(greedy(20), &emitted);
  EXPECT_EQ(emitted, generation.text);
  EXPECT_FALSE(emitted.empty());
}

TEST(Generate, EndsWhenTheContextIsFull) {
  const Generation generation = answer(greedy(0));
  EXPECT_EQ(generation.reason, StopReason::context_full);
  // 64 positions hold the prompt and all tokens but the last, which nothing has to follow.
  EXPECT_EQ(generation.tokens.size(), 64 - prompt.size() + 1);
}

TEST(Generate, EndsAtAStopToken) {
  const Generation free = answer(greedy(8));
  GenerateOptions options = greedy(8);
  options.ignore_stop = false;
  options.stop_tokens = {free.tokens[3]};
  const auto first = std::ranges::find(free.tokens, free.tokens[3]) - free.tokens.begin();
  const Generation generation = answer(options);
  EXPECT_EQ(generation.reason, StopReason::stop_token);
  EXPECT_EQ(generation.tokens,
            std::vector<Token>(free.tokens.begin(), free.tokens.begin() + first));
}

TEST(Generate, EndsBeforeAStopText) {
  const Generation free = answer(greedy(30));
  const std::string stop = free.text.substr(10, 4);
  GenerateOptions options = greedy(30);
  options.ignore_stop = false;
  options.stop_texts = {stop};
  std::string emitted;
  const Generation generation = answer(options, &emitted);
  EXPECT_EQ(generation.reason, StopReason::stop_text);
  EXPECT_EQ(generation.text, free.text.substr(0, free.text.find(stop)));
  EXPECT_EQ(emitted, generation.text);
}

TEST(Generate, AnInterruptEndsTheAnswerAfterTheTokenThatWasShown) {
  Session session(model(), {.device = "reference"});
  int calls = 0;
  const Generation generation =
      generate(session, 0, prompt, greedy(10), [&](std::string_view) { return ++calls < 3; });
  EXPECT_EQ(generation.reason, StopReason::interrupted);
  EXPECT_EQ(generation.tokens.size(), 3U);
}

TEST(Generate, AnInterruptEndsALongPromptBetweenChunks) {
  Session session(model(), {.device = "reference", .batch_rows = 4});
  const Generation generation =
      generate(session, 0, prompt, greedy(10), [](std::string_view) { return false; });
  EXPECT_EQ(generation.reason, StopReason::interrupted);
  EXPECT_TRUE(generation.tokens.empty());
  EXPECT_EQ(session.length(0), 4U);
}

TEST(Generate, SameSeedSameText) {
  GenerateOptions options = greedy(16);
  options.sampling = {.temperature = 1.5F, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 7};
  const Generation first = answer(options);
  EXPECT_EQ(first.tokens, answer(options).tokens);
  options.sampling.seed = 8;
  EXPECT_NE(first.tokens, answer(options).tokens);
}

}  // namespace
}  // namespace ceiling
