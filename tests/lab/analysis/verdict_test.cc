#include "lab/analysis/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;

const Thresholds kThresholds;

Estimate between(double low, double high) { return {(low + high) / 2, low, high, 10}; }

Elasticities of(const Estimate& bandwidth, const Estimate& compute) {
  return {bandwidth, between(0, 0), compute, bandwidth.value + compute.value};
}

Verdict h1(const Estimate& bandwidth, const Estimate& compute) {
  return decide_bandwidth_bound(of(bandwidth, compute), kThresholds).verdict;
}

TEST(BandwidthBound, FollowsTheFrozenRegions) {
  EXPECT_EQ(h1(between(0.85, 0.95), between(0, 0.1)), Verdict::supported);
  EXPECT_EQ(h1(between(0.79, 0.95), between(0, 0.1)), Verdict::inconclusive);
  EXPECT_EQ(h1(between(0.95, 1.11), between(0, 0.1)), Verdict::inconclusive);
  EXPECT_EQ(h1(between(0.85, 0.95), between(0, 0.16)), Verdict::inconclusive);
  EXPECT_EQ(h1(between(0.3, 0.49), between(0, 0.1)), Verdict::refuted);
  EXPECT_EQ(h1(between(0.3, 0.51), between(0, 0.1)), Verdict::inconclusive);
  EXPECT_EQ(h1(between(0.3, 0.55), between(0.56, 0.8)), Verdict::refuted);
}

TEST(BandwidthBound, SaysWhatDecidedAndWhatWouldHaveChangedIt) {
  const Decision d =
      decide_bandwidth_bound(of(between(0.85, 0.95), between(0.0, 0.1)), kThresholds);
  EXPECT_THAT(d.because, HasSubstr("0.90 (0.85–0.95)"));
  EXPECT_THAT(d.otherwise, HasSubstr("0.15"));
}

TEST(PositiveControls, AreRecognisedAsWhatTheyAre) {
  EXPECT_EQ(bound_of(of(between(0.9, 1), between(0, 0.1)), kThresholds), Bound::memory);
  EXPECT_EQ(bound_of(of(between(0, 0.1), between(0.8, 1)), kThresholds), Bound::compute);
  EXPECT_EQ(bound_of(of(between(-0.1, 0.1), between(0, 0.3)), kThresholds), Bound::overhead);
  EXPECT_EQ(bound_of(of(between(0.2, 0.9), between(0, 0.6)), kThresholds), Bound::unclear);
}

std::vector<std::vector<TypeReading>> readings(double slope, double odd_type = 0) {
  std::vector<std::vector<TypeReading>> blocks;
  for (int b = 0; b < 6; ++b) {
    std::vector<TypeReading> types;
    for (const double bytes : {1.0, 1.2, 1.5, 1.9, 3.6}) {
      types.push_back({bytes * 1e9, std::pow(bytes, slope) * (1 + 0.001 * b)});
    }
    types.back().seconds_per_token *= std::exp(odd_type);
    blocks.push_back(std::move(types));
  }
  return blocks;
}

TEST(Proportional, FindsTheSlopeBlockByBlock) {
  const TypeSlope slope = type_slope(readings(0.97), 0.9);
  EXPECT_NEAR(slope.slope.value, 0.97, 1e-9);
  EXPECT_NEAR(slope.range, 3.6, 1e-9);
  EXPECT_EQ(slope.without.size(), 5U);
  EXPECT_EQ(decide_proportional(slope, kThresholds).verdict, Verdict::supported);
  EXPECT_EQ(decide_proportional(type_slope(readings(0.6), 0.9), kThresholds).verdict,
            Verdict::refuted);
}

// One type must not carry the verdict alone: without it the slope is elsewhere.
TEST(Proportional, LeavesEachTypeOutOnce) {
  const TypeSlope slope = type_slope(readings(0.80, 0.13), 0.9);
  EXPECT_GT(slope.slope.value, 0.86);
  EXPECT_EQ(decide_proportional(slope, kThresholds).verdict, Verdict::inconclusive);
  EXPECT_THROW(type_slope({{{1, 1}, {2, 2}}, {{1, 1}, {2, 2}}}, 0.9), Error);
}

std::vector<FillLevel> curve(const std::vector<double>& speeds) {
  std::vector<FillLevel> levels;
  for (std::size_t i = 0; i < speeds.size(); ++i) {
    const double before = i == 0 ? speeds[0] : speeds[i - 1];
    const auto near = [](double x) { return between(x - 0.005, x + 0.005); };
    levels.push_back({0.8 + 0.05 * static_cast<double>(i), near(speeds[i] / speeds[0]),
                      near(speeds[i] / before)});
  }
  return levels;
}

TEST(Graceful, JudgesTheApproachAndNotWhatLiesBeyond) {
  EXPECT_EQ(decide_graceful(curve({1, 1, 1, 0.99, 0.85}), kThresholds).verdict, Verdict::supported);
  EXPECT_EQ(decide_graceful(curve({1, 1, 1, 0.40, 0.38}), kThresholds).verdict, Verdict::refuted);
  EXPECT_EQ(decide_graceful(curve({1, 1, 0.9, 0.9, 0.9}), kThresholds).verdict,
            Verdict::inconclusive);
  // 0.80 to 1.00 is flat, 1.05 is a cliff: described, not judged.
  const Decision d = decide_graceful(curve({1, 1, 1, 1, 1, 0.1}), kThresholds);
  EXPECT_EQ(d.verdict, Verdict::supported);
}

TEST(SameSame, PassesOnlyWhatIsShownToBeTheSame) {
  const std::vector<double> a = {0.80, 0.81, 0.79, 0.80, 0.805, 0.795};
  std::vector<double> b = {0.801, 0.808, 0.792, 0.799, 0.806, 0.796};
  EXPECT_TRUE(same_same(a, b, 0.02).passed);
  for (double& x : b) x *= 1.03;
  EXPECT_FALSE(same_same(a, b, 0.02).passed);
  EXPECT_TRUE(same_same(a, b, 0.05).passed);
  const std::vector<double> noisy = {0.70, 0.92, 0.75, 0.88, 0.69, 0.90};
  EXPECT_FALSE(same_same(a, noisy, 0.02).passed);
}

}  // namespace
}  // namespace ceiling::lab
