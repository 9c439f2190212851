#include "engine/distribution.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ceiling {
namespace {

TEST(Distribution, LogSumExpOfKnownShares) {
  const std::vector<float> logits = {std::log(1.0F), std::log(2.0F), std::log(5.0F)};
  EXPECT_NEAR(log_sum_exp(logits), std::log(8.0), 1e-6);
}

TEST(Distribution, LargeLogitsDoNotOverflow) {
  const std::vector<float> logits = {3000.0F, 3000.0F};
  EXPECT_NEAR(log_sum_exp(logits), 3000.0 + std::log(2.0), 1e-9);
}

TEST(Distribution, MostLikelyTakesTheLowestOfEquals) {
  const std::vector<float> logits = {0.0F, 2.0F, 1.0F, 2.0F};
  EXPECT_EQ(most_likely(logits), 1);
  const auto three = most_likely(logits, 3);
  ASSERT_EQ(three.size(), 3U);
  EXPECT_EQ(three[0].token, 1);
  EXPECT_EQ(three[1].token, 3);
  EXPECT_EQ(three[2].token, 2);
  EXPECT_EQ(three[0].log_probability, three[1].log_probability);
}

TEST(Distribution, LogProbabilitiesAddUpToOne) {
  const std::vector<float> logits = {0.5F, -1.0F, 3.0F};
  double sum = 0;
  for (const LikelyToken& likely : most_likely(logits, 10)) sum += std::exp(likely.log_probability);
  EXPECT_NEAR(sum, 1.0, 1e-12);
}

TEST(Distribution, DivergenceOfTwoKnownCoins) {
  const std::vector<float> fair = {0.0F, 0.0F};
  const std::vector<float> biased = {std::log(3.0F), 0.0F};  // 3/4, 1/4
  EXPECT_NEAR(kl_divergence(fair, biased), 0.5 * std::log(2.0 / 3.0) + 0.5 * std::log(2.0), 1e-7);
  EXPECT_NEAR(kl_divergence(biased, fair), 0.75 * std::log(1.5) + 0.25 * std::log(0.5), 1e-7);
  EXPECT_EQ(kl_divergence(fair, fair), 0.0);
}

}  // namespace
}  // namespace ceiling
