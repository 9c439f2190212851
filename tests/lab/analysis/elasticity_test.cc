#include "lab/analysis/elasticity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lab/planning/hypothesis_cells.h"

namespace ceiling::lab {
namespace {

constexpr double kBytes = 1e9;

// Steps without noise of a machine that takes max-like time of bytes and arithmetic, and a cost for
// loads from the cache.
template <typename Time>
std::vector<TreatedStep> steps_of(const std::vector<Treatment>& treatments, const Time& time,
                                  unsigned cycles = 6) {
  std::vector<TreatedStep> steps;
  for (std::uint32_t cycle = 0; cycle < cycles; ++cycle) {
    const double machine = 1 + 0.2 * cycle;  // what the machine does falls on a whole cycle
    for (std::uint32_t i = 0; i < treatments.size(); ++i) {
      steps.push_back({i, cycle, machine * time(treatments[i]), static_cast<std::uint64_t>(kBytes),
                       static_cast<std::uint64_t>(treatments[i].bytes * kBytes)});
    }
  }
  return steps;
}

TEST(LocalSlopes, OfPowersAreExact) {
  const auto time = [](const Treatment& t) {
    return std::pow(1 + t.bytes, 0.9) * std::pow(1 + t.arithmetic, 0.07) *
           std::pow(1 + t.cached_bytes, 0.02);
  };
  const auto& treatments = local_treatments();
  const auto slopes = local_slopes(steps_of(treatments, time), treatments);
  ASSERT_TRUE(slopes.has_value());
  EXPECT_NEAR(slopes->bandwidth, 0.9, 1e-6);
  EXPECT_NEAR(slopes->compute, 0.07, 1e-6);
  EXPECT_NEAR(slopes->placebo, 0.02, 1e-6);
}

// Overlap bends the line: a straight one through doses up to 1.3 would read 0.83 for 0.80.
TEST(LocalSlopes, SeeThroughTheBendOfOverlap) {
  constexpr double kP = 4;
  const auto time = [](const Treatment& t) {
    return std::pow(0.8 * std::pow(1 + t.bytes, kP) + 0.2 * std::pow(1 + t.arithmetic, kP), 1 / kP);
  };
  const auto& treatments = local_treatments();
  const auto slopes = local_slopes(steps_of(treatments, time), treatments);
  ASSERT_TRUE(slopes.has_value());
  EXPECT_NEAR(slopes->bandwidth, 0.8, 0.01);
  EXPECT_NEAR(slopes->compute, 0.2, 0.01);
}

TEST(LocalSlopes, SpikesDoNotMoveThem) {
  const auto time = [](const Treatment& t) { return 1 + t.bytes; };
  const auto& treatments = local_treatments();
  std::vector<TreatedStep> steps = steps_of(treatments, time, 12);
  steps[3].seconds *= 40;
  steps[57].seconds *= 10;
  const auto slopes = local_slopes(steps, treatments);
  ASSERT_TRUE(slopes.has_value());
  EXPECT_NEAR(slopes->bandwidth, 1, 1e-6);
}

// Doses around another base: eight times the arithmetic.
TEST(LocalSlopes, AroundEightfoldArithmetic) {
  const auto time = [](const Treatment& t) {
    return std::max(1.0 + t.bytes, 0.3 * (1 + t.arithmetic));
  };
  const auto treatments = local_treatments(7);
  const auto slopes = local_slopes(steps_of(treatments, time), treatments, 7);
  ASSERT_TRUE(slopes.has_value());
  EXPECT_NEAR(slopes->compute, 1, 1e-6);
  EXPECT_NEAR(slopes->bandwidth, 0, 1e-6);
}

TEST(LocalSlopes, TooLittleIsNothing) {
  const auto time = [](const Treatment& t) { return 1 + t.bytes; };
  const auto& treatments = local_treatments();
  EXPECT_FALSE(local_slopes(steps_of(treatments, time, 2), treatments).has_value());
  const std::vector<Treatment> few = {{}, {.bytes = 0.3}, {.arithmetic = 0.3}};
  EXPECT_FALSE(local_slopes(steps_of(few, time), few).has_value());
}

TEST(RelativeTimes, ShowWhereTheSlackEnds) {
  const auto time = [](const Treatment& t) {
    return std::max(1.0 + t.bytes, 0.3 * (1 + t.arithmetic));
  };
  const std::vector<Treatment> treatments = all_treatments();
  const auto times = relative_times(steps_of(treatments, time), treatments, 0);
  for (std::size_t i = 0; i < treatments.size(); ++i) {
    const auto first = std::find(treatments.begin(), treatments.end(), treatments[i]);
    const bool again = first < treatments.begin() + static_cast<std::ptrdiff_t>(i);
    ASSERT_NE(times[i].has_value(), again) << i;
    if (!times[i]) continue;
    EXPECT_NEAR(*times[i], time(treatments[i]), 1e-9) << i;
  }
}

// Local doses stand in a cycle several times: each counts, and as one dose.
TEST(LocalSlopes, TreatmentsThatAreRepeatedAreOneDose) {
  const std::vector<Treatment> treatments = all_treatments();
  std::size_t step = 0;
  const auto time = [&step](const Treatment& t) {
    const double noise = 1 + 0.05 * std::sin(static_cast<double>(++step * 7919 % 1000));
    return noise * std::pow(1 + t.bytes, 0.9) * std::pow(1 + t.arithmetic, 0.07);
  };
  const auto spread = [&](const std::vector<Treatment>& list) {
    std::vector<double> slopes;
    for (int process = 0; process < 40; ++process) {
      slopes.push_back(local_slopes(steps_of(list, time, 5), list)->bandwidth);
    }
    return standard_deviation(slopes);
  };
  const auto slopes = local_slopes(steps_of(treatments, time, 60), treatments);
  ASSERT_TRUE(slopes.has_value());
  EXPECT_NEAR(slopes->bandwidth, 0.9, 0.1);
  EXPECT_LT(spread(treatments), 0.8 * spread(local_treatments()));  // 1 / sqrt(3) of it
}

}  // namespace
}  // namespace ceiling::lab
