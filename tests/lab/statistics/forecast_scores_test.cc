#include "lab/statistics/forecast_scores.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"

namespace ceiling::lab {
namespace {

TEST(IntervalScore, ByHandFromItsDefinition) {
  const fit::Interval interval{8, 12};
  EXPECT_NEAR(interval_score(interval, 0.2, 10), 4, 1e-12);
  EXPECT_NEAR(interval_score(interval, 0.2, 7), 4 + 10 * 1, 1e-12);
  EXPECT_NEAR(interval_score(interval, 0.05, 12.5), 4 + 40 * 0.5, 1e-12);
}

// The score is proper (Gneiting and Raftery 2007): on average the true quantiles score best.
TEST(IntervalScore, TheTrueIntervalScoresBest) {
  std::mt19937_64 engine(4);
  std::normal_distribution<double> normal;
  constexpr double kZ = 1.2815515655446004;
  double honest = 0, narrow = 0, wide = 0, shifted = 0;
  for (int i = 0; i < 20000; ++i) {
    const double result = normal(engine);
    honest += interval_score({-kZ, kZ}, 0.2, result);
    narrow += interval_score({-kZ / 2, kZ / 2}, 0.2, result);
    wide += interval_score({-2 * kZ, 2 * kZ}, 0.2, result);
    shifted += interval_score({0.7 - kZ, 0.7 + kZ}, 0.2, result);
  }
  EXPECT_LT(honest, narrow);
  EXPECT_LT(honest, wide);
  EXPECT_LT(honest, shifted);
}

// R's documentation of binom.test: 682 of 925 (Mendel's peas, after Conover 1971), 95 % interval
// 0.7076683 to 0.7654066.
TEST(Coverage, MendelsPeas) {
  const Estimate e = coverage(682, 925, 0.95);
  EXPECT_NEAR(e.value, 0.7372973, 1e-7);
  EXPECT_NEAR(e.low, 0.7076683, 1e-7);
  EXPECT_NEAR(e.high, 0.7654066, 1e-7);
}

TEST(Coverage, AllAndNone) {
  EXPECT_EQ(coverage(4, 4, 0.95).high, 1);
  EXPECT_EQ(coverage(0, 4, 0.95).low, 0);
  EXPECT_THROW(coverage(5, 4, 0.95), Error);
}

}  // namespace
}  // namespace ceiling::lab
