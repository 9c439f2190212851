// How often types are called faster or dominated, where the truth is known.
#include "lab/tradeoff/dominance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lab/statistics/statistics.h"
#include "lab/tradeoff/measured_types.h"

namespace ceiling::lab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int kRuns = 1000;

// Eight types that differ in nothing but their noise.
std::vector<TrueType> equals() {
  std::vector<TrueType> types;
  for (int i = 0; i < 8; ++i) types.push_back({"T" + std::to_string(i), 1000, 50, 0.1, 0.01});
  return types;
}

TEST(Dominance, OfTypesThatAreEquallyFastOneInTwentyRunsAtMostTellsAnyApart) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  int speed = 0;
  int divergence = 0;
  for (int run = 0; run < kRuns; ++run) {
    auto points = measured(equals(), 5, {0.10, 0.03}, random);
    for (TradeoffPoint& point : points)
      point.quality.mean_kl += point.quality.mean_kl_error * normal(random);
    const Comparison comparison(points);
    bool speed_told = false;
    bool divergence_told = false;
    for (const auto& a : points) {
      for (const auto& b : points) {
        speed_told = speed_told || comparison.decode(a, b) == Order::better;
        divergence_told = divergence_told || comparison.divergence(a, b) == Order::better;
      }
    }
    speed += speed_told ? 1 : 0;
    divergence += divergence_told ? 1 : 0;
  }
  // Of 1000 runs at 5 %, three standard deviations above: 71.
  EXPECT_LE(speed, 71);
  EXPECT_LE(divergence, 71);
  EXPECT_GE(speed, 5);  // the margin is no wider than it has to be
  EXPECT_GE(divergence, 5);
}

TEST(Dominance, OneNoisyTypeDoesNotMakeOthersSeemDifferent) {
  std::mt19937 random(12);
  std::normal_distribution<double> normal;
  int told = 0;
  for (int run = 0; run < kRuns; ++run) {
    auto points = measured(equals(), 5, {0.10, 0.01}, random);
    for (double& rate : points.front().decode) rate *= std::exp(0.05 * normal(random));
    told += fastest(points).untold.size() < points.size() - 1 ? 1 : 0;
  }
  EXPECT_LE(told, 71);
}

// Both behind in size and divergence; only speed decides.
std::vector<TrueType> one_ahead_by(double ratio) {
  return {{"F16 (source)", 4000, 20, 0, 0},
          {"better", 1000, 50 * ratio, 0.1},
          {"worse", 1100, 50, 0.2},
          {"slow", 900, 30, 0.3}};
}

TEST(Dominance, WhereIntervalsOverlapItIsNotClaimed) {
  std::mt19937 random(13);
  int claimed = 0;
  int open = 0;
  for (int run = 0; run < kRuns; ++run) {
    auto points = measured(one_ahead_by(1), 5, {0.05, 0.03}, random);
    mark_dominated(points);
    const TradeoffPoint& worse = named(points, "worse");
    claimed += worse.dominated_by.empty() ? 0 : 1;
    open += worse.perhaps_dominated_by.empty() ? 0 : 1;
  }
  EXPECT_LE(claimed, 15);  // 0.4 % for one end of one pair of six, and three standard deviations
  EXPECT_GE(open, 970);
}

TEST(Dominance, AClearDifferenceIsFoundThroughADriftThatMakesIntervalsOverlap) {
  std::mt19937 random(14);
  int claimed = 0;
  int overlap = 0;
  for (int run = 0; run < 300; ++run) {
    auto points = measured(one_ahead_by(1.12), 5, {0.20, 0.01}, random);
    mark_dominated(points);
    claimed += named(points, "worse").dominated_by.empty() ? 0 : 1;
    const Estimate fast = geometric_interval(named(points, "better").decode, 0.95);
    const Estimate slow = geometric_interval(named(points, "worse").decode, 0.95);
    overlap += fast.low < slow.high ? 1 : 0;
  }
  EXPECT_GE(claimed, 297);
  EXPECT_GE(overlap, 290);  // what the blocks share is not scatter between types
}

TEST(Dominance, DivergencesWithinTheirErrorsDoNotDecideEither) {
  std::mt19937 random(15);
  auto types = one_ahead_by(1.5);
  types[2].kl = 0.1005;
  auto points = measured(types, 5, {}, random);
  mark_dominated(points);
  EXPECT_THAT(named(points, "worse").dominated_by, IsEmpty());
  EXPECT_THAT(named(points, "worse").perhaps_dominated_by, ElementsAre("better"));
  types[2].kl = 0.11;
  points = measured(types, 5, {}, random);
  mark_dominated(points);
  EXPECT_THAT(named(points, "worse").dominated_by, ElementsAre("better"));
}

TEST(Dominance, DivergencesOfRoundingAreEqual) {
  std::mt19937 random(16);
  auto points =
      measured({{"F16 (source)", 4000, 40, 0, 0}, {"F32", 8000, 20, 3e-7, 1e-9}}, 5, {}, random);
  mark_dominated(points);
  EXPECT_THAT(named(points, "F32").dominated_by, ElementsAre("F16 (source)"));
  EXPECT_THAT(named(points, "F16 (source)").dominated_by, IsEmpty());
}

TEST(Dominance, OneBlockTellsNoSpeedsApart) {
  std::mt19937 random(17);
  auto points = measured(one_ahead_by(3), 1, {}, random);
  mark_dominated(points);
  EXPECT_THAT(named(points, "worse").dominated_by, IsEmpty());
  EXPECT_THAT(named(points, "worse").perhaps_dominated_by, ElementsAre("better"));
  EXPECT_THAT(fastest(points).untold, SizeIs(3));
  EXPECT_TRUE(std::isinf(Comparison(points).decode_margin()));
}

TEST(Dominance, TheFastestIsNamedAloneOnlyWhereItIsToldApart) {
  std::mt19937 random(18);
  const auto clear = measured(one_ahead_by(1.3), 5, {0.05, 0.01}, random);
  EXPECT_EQ(fastest(clear).point->name, "better");
  EXPECT_THAT(fastest(clear).untold, IsEmpty());
  const auto close = measured(one_ahead_by(1), 5, {0.05, 0.01}, random);
  EXPECT_THAT(fastest(close).untold, SizeIs(1));
}

TEST(Dominance, TheMarginIsThatOfATwoWayLayout) {
  // Two types, two blocks: the one residual degree of freedom is the difference of differences.
  std::vector<TradeoffPoint> points(2);
  points[0].decode = {std::exp(1.0), std::exp(2.0)};
  points[1].decode = {std::exp(1.5), std::exp(2.7)};
  // Residuals are +-0.05 four times: variance 0.01, of a difference of two means of two 0.01.
  EXPECT_NEAR(std::log(Comparison(points).decode_margin()), 12.706 * 0.1, 1e-3);
}

}  // namespace
}  // namespace ceiling::lab
