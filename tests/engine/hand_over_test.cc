// Prompts on one unit, answers on another. The reference device stands in for a second unit.
#include "engine/hand_over.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "engine/session.h"
#include "fake_store.h"
#include "tiny_model.h"

namespace ceiling {
namespace {

constexpr auto kPrefill = HandOver::Side::prefill;
constexpr auto kDecode = HandOver::Side::decode;

TEST(HandOver, PagesGoWhereTheyAreMissing) {
  FakeStore prompts;
  FakeStore answers;
  HandOver hand_over(prompts, answers, 1);
  const std::vector<std::uint32_t> table = {5, 2, 7};
  hand_over.bring(kPrefill, 0, 0, table);
  prompts.pages[5] = prompts.pages[2] = std::byte{1};
  hand_over.appended(kPrefill, 0, 6);
  EXPECT_EQ(answers.imports, 0);

  hand_over.bring(kDecode, 0, 6, table);
  EXPECT_EQ(answers.imports, 2);
  EXPECT_EQ(answers.pages[2], std::byte{1});
  hand_over.appended(kDecode, 0, 7);
  hand_over.bring(kDecode, 0, 7, table);
  EXPECT_EQ(answers.imports, 2);  // nothing new

  answers.pages[2] = std::byte{2};
  hand_over.bring(kPrefill, 0, 7, table);  // the page that both have written
  EXPECT_EQ(prompts.imports, 1);
  EXPECT_EQ(prompts.pages[2], std::byte{2});
  EXPECT_EQ(hand_over.bytes(), 3U);
}

TEST(HandOver, WhatIsForgottenComesAgain) {
  FakeStore prompts;
  FakeStore answers;
  HandOver hand_over(prompts, answers, 2);
  const std::vector<std::uint32_t> table = {0, 1};
  hand_over.appended(kPrefill, 0, 8);
  hand_over.bring(kDecode, 0, 8, table);
  hand_over.truncated(0, 3);
  hand_over.appended(kPrefill, 0, 8);
  hand_over.bring(kDecode, 0, 8, table);
  EXPECT_EQ(answers.imports, 4);
  hand_over.forked(0, 1);
  hand_over.bring(kDecode, 1, 8, table);
  EXPECT_EQ(answers.imports, 4);
}

TEST(HandOver, PagesOfOtherSizesAreRefused) {
  FakeStore prompts;
  FakeStore answers(8);
  EXPECT_THROW(HandOver(prompts, answers, 1), Error);
}

TEST(HandOver, ASessionAnswersAsOnOneUnit) {
  const auto model = Model::open(write_tiny_model("hand_over_test"));
  const std::vector<Token> prompt = {1, 2, 3, 4, 5, 6, 7};
  const auto logits = [&](const std::string& prefill, const std::string& device) {
    SessionOptions options;
    options.device = device;
    options.prefill_device = prefill;
    options.batch_rows = 4;
    options.threads = 1;
    Session session(model, options);
    std::vector<float> all;
    const auto keep = [&](std::span<const float> more) {
      all.insert(all.end(), more.begin(), more.end());
    };
    const std::uint32_t only = 0;
    keep(session.append(0, prompt));
    for (const Token token : {3, 1, 4}) keep(session.step({&only, 1}, {&token, 1}));
    session.truncate(0, 5);
    keep(session.append(0, prompt));  // a second prompt, after the answer
    const Token last = 2;
    keep(session.step({&only, 1}, {&last, 1}));
    EXPECT_EQ(session.handed_over_bytes() > 0, prefill != device);
    return all;
  };
  const auto expected = logits("reference", "reference");
  for (const auto& [prefill, device] :
       {std::pair("reference", "cpu"), std::pair("cpu", "reference")}) {
    const auto actual = logits(prefill, device);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 0.02);
  }
}

}  // namespace
}  // namespace ceiling
