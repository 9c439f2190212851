#include "lab/statistics/rank_correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "base/error.h"

namespace ceiling::lab {
namespace {

// Intelligence quotients and weekly hours of television of ten people, the worked example of the
// English Wikipedia's article on the coefficient: 1 - 6 * 194 / (10 * 99) = -29 / 165.
TEST(RankCorrelation, MatchesAPublishedExample) {
  const std::vector<double> iq = {106, 100, 86, 101, 99, 103, 97, 113, 112, 110};
  const std::vector<double> hours = {7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
  EXPECT_NEAR(rank_correlation(iq, hours), -29.0 / 165, 1e-12);
}

TEST(RankCorrelation, TiesTakeTheirMiddleRank) {
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
  EXPECT_NEAR(rank_correlation(std::vector<double>{1, 2, 2, 3}, std::vector<double>{1, 2, 3, 4}),
              4.5 / std::sqrt(22.5), 1e-12);
}

TEST(RankCorrelation, SeesOrderAndNotScale) {
  const std::vector<double> x = {1, 2, 3, 4, 5};
  EXPECT_DOUBLE_EQ(rank_correlation(x, std::vector<double>{1, 10, 100, 1e6, 1e9}), 1);
  EXPECT_DOUBLE_EQ(rank_correlation(x, std::vector<double>{5, 4, 3, 2, -1e9}), -1);
  EXPECT_DOUBLE_EQ(rank_correlation(x, std::vector<double>{7, 7, 7, 7, 7}), 0);
}

TEST(RankCorrelation, NeedsPairs) {
  EXPECT_THROW(rank_correlation(std::vector<double>{1}, std::vector<double>{1}), Error);
  EXPECT_THROW(rank_correlation(std::vector<double>{1, 2}, std::vector<double>{1, 2, 3}), Error);
}

// Of 200 simulated sets in which x orders y better by a known amount, nearly all intervals see it;
// of 200 in which both are the same, few do.
TEST(RankCorrelation, GainsAreSeenWhereTheyAre) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise;
  const auto seen = [&](double x_noise, double other_noise) {
    int found = 0;
    for (int set = 0; set < 200; ++set) {
      std::vector<double> x, other, y;
      for (int i = 0; i < 40; ++i) {
        y.push_back(noise(random));
        x.push_back(y.back() + x_noise * noise(random));
        other.push_back(y.back() + other_noise * noise(random));
      }
      found += rank_correlation_gain(x, other, y, 0.95, 400, 1).low > 0;
    }
    return found;
  };
  EXPECT_GE(seen(0.2, 2.0), 195);
  EXPECT_LE(seen(0.7, 0.7), 15);
}

}  // namespace
}  // namespace ceiling::lab
