#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"

namespace ceiling {
namespace {

SamplerOptions plain() {
  SamplerOptions options;
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  options.min_p = 0;
  return options;
}

std::vector<float> logits_of(std::span<const double> shares) {
  std::vector<float> logits;
  for (const double share : shares) logits.push_back(static_cast<float>(std::log(share)));
  return logits;
}

std::map<Token, int> draw(const SamplerOptions& options, std::span<const float> logits, int times) {
  Sampler sampler(options);
  std::map<Token, int> counts;
  for (int i = 0; i < times; ++i) ++counts[sampler.choose(logits)];
  return counts;
}

// Pearson's statistic of counts against expected shares; a token without a share must not occur.
double chi_square(const std::map<Token, int>& counts, const std::map<Token, double>& shares) {
  int total = 0;
  for (const auto& [token, count] : counts) {
    EXPECT_TRUE(shares.contains(token)) << "token " << token << " drawn " << count << " times";
    total += count;
  }
  double statistic = 0;
  for (const auto& [token, share] : shares) {
    const double expected = share * total;
    const double seen = counts.contains(token) ? counts.at(token) : 0;
    statistic += (seen - expected) * (seen - expected) / expected;
  }
  return statistic;
}

constexpr int draws = 40000;
// The 99.9 % points of chi-square with 1 to 4 degrees of freedom.
constexpr double bound[] = {0, 10.83, 13.82, 16.27, 18.47};

const std::vector<double> shares = {0.05, 0.40, 0.15, 0.30, 0.10};

TEST(Sampler, DrawsTokensByTheirProbability) {
  const auto counts = draw(plain(), logits_of(shares), draws);
  EXPECT_LT(chi_square(counts, {{0, 0.05}, {1, 0.40}, {2, 0.15}, {3, 0.30}, {4, 0.10}}), bound[4]);
}

TEST(Sampler, TemperatureRaisesProbabilitiesToItsInverse) {
  auto options = plain();
  options.temperature = 0.5F;  // squares: 25, 1600, 225, 900, 100 of 2850
  const auto counts = draw(options, logits_of(shares), draws);
  EXPECT_LT(chi_square(counts, {{0, 25 / 2850.0},
                                {1, 1600 / 2850.0},
                                {2, 225 / 2850.0},
                                {3, 900 / 2850.0},
                                {4, 100 / 2850.0}}),
            bound[4]);
}

TEST(Sampler, TopKKeepsTheMostLikely) {
  auto options = plain();
  options.top_k = 3;
  const auto counts = draw(options, logits_of(shares), draws);
  EXPECT_LT(chi_square(counts, {{1, 40 / 85.0}, {3, 30 / 85.0}, {2, 15 / 85.0}}), bound[2]);
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  auto options = plain();
  options.top_p = 0.75F;  // 0.40 + 0.30 fall short, 0.15 reaches it
  auto counts = draw(options, logits_of(shares), draws);
  EXPECT_LT(chi_square(counts, {{1, 40 / 85.0}, {3, 30 / 85.0}, {2, 15 / 85.0}}), bound[2]);
  options.top_p = 0.65F;
  counts = draw(options, logits_of(shares), draws);
  EXPECT_LT(chi_square(counts, {{1, 4 / 7.0}, {3, 3 / 7.0}}), bound[1]);
  options.top_p = 1e-6F;
  EXPECT_EQ(draw(options, logits_of(shares), 100), (std::map<Token, int>{{1, 100}}));
}

TEST(Sampler, TopPCountsOverWhatTopKLeft) {
  auto options = plain();
  options.top_k = 2;     // 4/7 and 3/7 are left
  options.top_p = 0.5F;  // of them the first is enough; of all five it is not
  EXPECT_EQ(draw(options, logits_of(shares), 100), (std::map<Token, int>{{1, 100}}));
}

TEST(Sampler, MinPIsRelativeToTheMostLikely) {
  auto options = plain();
  options.min_p = 0.3F;  // of 0.40: 0.12
  const auto counts = draw(options, logits_of(shares), draws);
  EXPECT_LT(chi_square(counts, {{1, 40 / 85.0}, {3, 30 / 85.0}, {2, 15 / 85.0}}), bound[2]);
  options.min_p = 1;
  EXPECT_EQ(draw(options, logits_of(shares), 100), (std::map<Token, int>{{1, 100}}));
}

TEST(Sampler, MinPActsAfterTemperature) {
  auto options = plain();
  options.temperature = 2;  // square roots: 0.22, 0.63, 0.39, 0.55, 0.32; 0.55 of 0.63 is 0.35
  options.min_p = 0.55F;
  const double total = std::sqrt(0.40) + std::sqrt(0.15) + std::sqrt(0.30);
  const auto counts = draw(options, logits_of(shares), draws);
  EXPECT_LT(chi_square(counts, {{1, std::sqrt(0.40) / total},
                                {2, std::sqrt(0.15) / total},
                                {3, std::sqrt(0.30) / total}}),
            bound[2]);
}

TEST(Sampler, RepetitionPenaltyActsOnceOnEachTokenInTheWindow) {
  auto options = plain();
  options.repetition_penalty = 2;
  options.repetition_window = 3;
  const std::vector<float> logits = {1.0F, 2.0F, -1.0F};
  Sampler sampler(options);
  for (const Token token : {0, 1, 1, 2}) sampler.accept(token);  // 0 has left the window
  std::map<Token, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[sampler.choose(logits)];
  // Penalised: 1, 2 / 2, -1 * 2.
  const double total = 2 * std::exp(1.0) + std::exp(-2.0);
  EXPECT_LT(chi_square(counts, {{0, std::exp(1.0) / total},
                                {1, std::exp(1.0) / total},
                                {2, std::exp(-2.0) / total}}),
            bound[2]);
}

TEST(Sampler, PenaltyTurnsGreedyAway) {
  auto options = plain();
  options.temperature = 0;
  options.repetition_penalty = 1.5F;
  Sampler sampler(options);
  const std::vector<float> logits = {2.0F, 1.9F};
  EXPECT_EQ(sampler.choose(logits), 0);
  sampler.accept(0);
  EXPECT_EQ(sampler.choose(logits), 1);
  sampler.accept(-7);  // no token of these logits: ignored
  sampler.accept(900);
  EXPECT_EQ(sampler.choose(logits), 1);
}

TEST(Sampler, GreedyFindsTheMostLikelyAtEveryPlaceAndTheFirstOfEquals) {
  auto options = plain();
  options.temperature = 0;
  Sampler sampler(options);
  for (const std::size_t size : {1, 15, 16, 17, 31, 32, 33, 47}) {
    for (std::size_t place = 0; place < size; ++place) {
      std::vector<float> logits(size, -3.0F);
      logits[place] = -1.0F;
      EXPECT_EQ(sampler.choose(logits), static_cast<Token>(place)) << "of " << size;
      logits.back() = -1.0F;
      EXPECT_EQ(sampler.choose(logits), static_cast<Token>(place)) << "of " << size;
    }
  }
}

TEST(Sampler, SameSeedSameTokens) {
  auto options = plain();
  options.top_k = 4;
  options.top_p = 0.9F;
  const auto logits = logits_of(shares);
  const auto sequence = [&](std::uint64_t seed) {
    options.seed = seed;
    Sampler sampler(options);
    std::vector<Token> tokens;
    for (int i = 0; i < 64; ++i) tokens.push_back(sampler.choose(logits));
    return tokens;
  };
  EXPECT_EQ(sequence(42), sequence(42));
  EXPECT_NE(sequence(42), sequence(43));
}

// Fixed by arithmetic alone: mt19937_64 seeded with 5489 first gives 14514284786278117030,
// 4620546740167642908, 13109570281517897720, ... (the C++ standard fixes the 10000th,
// 9981545732273789042); the top 53 bits over 2^53 are 0.7868, 0.2505, 0.7107, 0.9467, 0.0193.
TEST(Sampler, DrawsAreTheSameOnEveryMachine) {
  auto options = plain();
  options.seed = 5489;
  Sampler sampler(options);
  const std::vector<float> ten_alike(10, 0.0F);
  for (const Token expected : {7, 2, 7, 9, 0}) EXPECT_EQ(sampler.choose(ten_alike), expected);
}

std::string error_of(const std::function<void()>& action, ExitCode code) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "no error";
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t place : {0, 5, 16, 36}) {
      for (const float temperature : {0.0F, 1.0F}) {
        auto options = plain();
        options.temperature = temperature;
        std::vector<float> logits(37, 1.0F);
        logits[place] = bad;
        const std::string message =
            error_of([&] { Sampler(options).choose(logits); }, ExitCode::failed);
        EXPECT_NE(message.find(fmt::format("token {} is", place)), std::string::npos) << message;
      }
    }
  }
  EXPECT_NE(error_of([] { Sampler(plain()).choose({}); }, ExitCode::failed), "no error");
}

TEST(Sampler, RefusesOptionsOutOfRange) {
  const auto refused = [](auto change) {
    auto options = plain();
    change(options);
    return error_of([&] { Sampler{options}; }, ExitCode::usage);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(refused([](auto& o) { o.temperature = -1; }).find("temperature is -1"),
            std::string::npos);
  EXPECT_NE(refused([&](auto& o) { o.temperature = nan; }).find("temperature is nan"),
            std::string::npos);
  EXPECT_NE(refused([](auto& o) { o.top_p = 0; }).find("top-p is 0"), std::string::npos);
  EXPECT_NE(refused([&](auto& o) { o.top_p = nan; }).find("top-p is nan"), std::string::npos);
  EXPECT_NE(refused([](auto& o) { o.min_p = 1.5F; }).find("min-p is 1.5"), std::string::npos);
  EXPECT_NE(refused([](auto& o) { o.repetition_penalty = 0; }).find("repetition penalty is 0"),
            std::string::npos);
}

TEST(Sampler, ExtremeLogitsAndTemperaturesStaySound) {
  for (const float temperature : {1e-30F, 1e-3F, 1e30F}) {
    auto options = plain();
    options.temperature = temperature;
    options.top_p = 0.9F;
    options.min_p = 0.01F;
    Sampler sampler(options);
    const std::vector<float> logits = {-3e38F, 3e38F, 1.0F, 3e38F};
    for (int i = 0; i < 20; ++i) {
      const Token token = sampler.choose(logits);
      EXPECT_TRUE(token >= 0 && token < 4);
      EXPECT_TRUE(temperature > 1 || token == 1 || token == 3);
    }
  }
}

}  // namespace
}  // namespace ceiling
