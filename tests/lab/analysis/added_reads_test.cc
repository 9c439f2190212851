#include "lab/analysis/added_reads.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ceiling::lab {
namespace {

constexpr double kMemory = 20e9;
constexpr std::uint64_t kBytes = 1'000'000'000;

// Doses of bytes 0, 0.3, 1 and 3, and one of arithmetic.
const std::vector<Treatment> kDoses = {
    {}, {.bytes = 0.3}, {.bytes = 3}, {.arithmetic = 7}, {.bytes = 1}};

// Cycles of a step of `base_s` to which added bytes come at `rate` of the memory's.
std::vector<TreatedStep> cycles(double base_s, double rate, std::uint32_t count = 5) {
  std::vector<TreatedStep> steps;
  for (std::uint32_t cycle = 0; cycle < count; ++cycle) {
    for (std::uint32_t i = 0; i < kDoses.size(); ++i) {
      const double added = kDoses[i].bytes * kBytes;
      steps.push_back(
          {i, cycle, base_s + added / (rate * kMemory), kBytes, static_cast<std::uint64_t>(added)});
    }
  }
  return steps;
}

std::vector<CycleReading> readings(std::uint32_t count = 5) {
  std::vector<CycleReading> result;
  for (std::uint32_t cycle = 0; cycle < count; ++cycle) {
    result.push_back({cycle, 1 << 28, (1 << 28) / kMemory});
  }
  return result;
}

TEST(AddedReads, CostWhatMemoryTakesBetweenTheTwoLargestDoses) {
  const auto reads = added_reads(cycles(0.06, 0.8), readings(), kDoses);
  ASSERT_TRUE(reads.has_value());
  EXPECT_NEAR(reads->cost, 1 / 0.8, 1e-9);
  EXPECT_NEAR(reads->memory_per_s, kMemory, 1);
  EXPECT_EQ(reads->from, 1);
  EXPECT_EQ(reads->until, 3);
}

TEST(AddedReads, OneSpikeDoesNotMoveThem) {
  auto steps = cycles(0.06, 0.8);
  steps[2].seconds *= 5;
  EXPECT_NEAR(added_reads(steps, readings(), kDoses)->cost, 1 / 0.8, 1e-9);
}

TEST(AddedReads, EachCycleIsHeldAgainstItsOwnReading) {
  auto steps = cycles(0.06, 1);
  auto memory = readings();
  for (TreatedStep& step : steps)
    step.seconds *= 1 + step.cycle;  // memory slows as the run goes on
  for (CycleReading& reading : memory) reading.seconds *= 1 + reading.cycle;
  EXPECT_NEAR(added_reads(steps, memory, kDoses)->cost, 1, 1e-9);
}

TEST(AddedReads, TheProcessorsCounterIsToldWhereItCounted) {
  auto steps = cycles(0.06, 1);
  EXPECT_FALSE(added_reads(steps, readings(), kDoses)->misses_per_line.has_value());
  for (TreatedStep& step : steps) step.cache_misses = 1000 + step.added_bytes / 64 * 9 / 10;
  const auto reads = added_reads(steps, readings(), kDoses);
  EXPECT_NEAR(*reads->misses_per_line, 0.9, 1e-6);
  EXPECT_NEAR(*added_rate(std::vector{*reads, *reads}, 0.9).misses_per_line, 0.9, 1e-6);
}

TEST(AddedReads, NeedTwoDosesAndReadings) {
  const std::vector<Treatment> one = {{}, {.bytes = 1}};
  EXPECT_FALSE(added_reads(cycles(0.06, 1), readings(), one).has_value());
  EXPECT_FALSE(added_reads(cycles(0.06, 1), {}, kDoses).has_value());
  const std::vector<Treatment> small = {{}, {.bytes = 0.2}, {.bytes = 0.3}};
  EXPECT_FALSE(added_reads(cycles(0.06, 1), readings(), small).has_value());
}

TEST(AddedReads, TheRateIsShownToBeTheMemorysOnlyByItsWholeInterval) {
  const Thresholds thresholds;
  const auto of = [&](std::vector<double> costs) {
    std::vector<AddedReads> processes;
    for (const double cost : costs) processes.push_back({cost, kMemory, 1, 3, {}});
    return added_rate(processes, 0.90);
  };
  const AddedRate calm = of({1.05, 1.06, 1.04, 1.05});
  EXPECT_NEAR(calm.ratio.value, 1 / 1.05, 1e-3);
  EXPECT_LT(calm.ratio.low, calm.ratio.value);
  EXPECT_GT(calm.ratio.high, calm.ratio.value);
  EXPECT_TRUE(reached_memory(calm, thresholds));
  EXPECT_FALSE(reached_memory(of({0.3, 1.8, 0.7, 1.4}), thresholds));  // about 1, not shown
  EXPECT_FALSE(reached_memory(of({0.5, 0.51, 0.5, 0.5}), thresholds));
  EXPECT_FALSE(reached_memory(of({2, 2.01, 2, 2}), thresholds));
  const AddedRate never = of({0.0, 0.01, -0.01, 0.0});
  EXPECT_TRUE(std::isinf(never.ratio.high));
  EXPECT_FALSE(reached_memory(never, thresholds));
}

}  // namespace
}  // namespace ceiling::lab
