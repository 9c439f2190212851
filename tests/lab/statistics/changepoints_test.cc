#include "lab/statistics/changepoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "lab/statistics/statistics.h"

namespace ceiling::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Annual flow of the Nile at Aswan, 1871 to 1970 (Cobb 1978): the standard example of one change in
// level, after 1898, its 28th value.
const std::vector<double> kNile = {
    1120, 1160, 963, 1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935,  1110, 994,  1020,
    960,  1180, 799, 958,  1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,
    874,  694,  940, 833,  701,  916,  692,  1020, 1050, 969,  831,  726,  456,  824,  702,
    1120, 1100, 832, 764,  821,  768,  845,  864,  862,  698,  845,  744,  796,  1040, 759,
    781,  865,  845, 944,  984,  897,  822,  1010, 771,  676,  649,  846,  812,  742,  801,
    1040, 860,  874, 848,  890,  744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,
    1020, 906,  901, 1170, 912,  746,  919,  718,  714,  740};

TEST(Changepoints, TheNileChangesOnce) { EXPECT_THAT(changepoints(kNile), ElementsAre(28)); }

// Least cost over every division into segments, without pruning.
double least_cost(const std::vector<double>& values, double variance, double penalty,
                  std::size_t least_length) {
  std::vector<double> best(values.size() + 1, std::numeric_limits<double>::infinity());
  best[0] = -penalty;
  for (std::size_t end = 1; end <= values.size(); ++end) {
    for (std::size_t begin = 0; begin + least_length <= end; ++begin) {
      const std::vector<double> part(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                     values.begin() + static_cast<std::ptrdiff_t>(end));
      double squares = 0;
      for (const double v : part) squares += (v - mean(part)) * (v - mean(part));
      best[end] = std::min(best[end], best[begin] + squares / variance + penalty);
    }
  }
  return best.back();
}

double cost_of(const std::vector<double>& values, std::vector<std::size_t> changes, double variance,
               double penalty) {
  changes.insert(changes.begin(), 0);
  changes.push_back(values.size());
  double total = -penalty;
  for (std::size_t i = 0; i + 1 < changes.size(); ++i) {
    const std::vector<double> part(values.begin() + static_cast<std::ptrdiff_t>(changes[i]),
                                   values.begin() + static_cast<std::ptrdiff_t>(changes[i + 1]));
    double squares = 0;
    for (const double v : part) squares += (v - mean(part)) * (v - mean(part));
    total += squares / variance + penalty;
  }
  return total;
}

// The pruning must lose nothing: the cost found is that of the exhaustive search.
TEST(Changepoints, ArePruningsExactOptimum) {
  std::mt19937_64 engine(11);
  std::normal_distribution<double> normal;
  for (int run = 0; run < 60; ++run) {
    std::vector<double> values;
    double level = 0;
    for (int i = 0; i < 45; ++i) {
      if (engine() % 9 == 0) level += 3 * normal(engine);
      values.push_back(level + normal(engine));
    }
    std::vector<double> differences;
    for (std::size_t i = 1; i < values.size(); ++i) {
      differences.push_back(std::abs(values[i] - values[i - 1]));
    }
    const double sd = 1.4826 * median(differences) / std::sqrt(2.0);
    for (const std::size_t least_length : {1U, 2U, 4U}) {
      const double penalty = 8;
      const auto found = changepoints(values, penalty, least_length);
      EXPECT_NEAR(cost_of(values, found, sd * sd, penalty),
                  least_cost(values, sd * sd, penalty, least_length), 1e-6)
          << run << " " << least_length;
    }
  }
}

TEST(Changepoints, WhiteNoiseHasHardlyAny) {
  std::mt19937_64 engine(5);
  std::normal_distribution<double> normal;
  int with_changes = 0;
  for (int run = 0; run < 200; ++run) {
    std::vector<double> values;
    for (int i = 0; i < 64; ++i) values.push_back(100 + normal(engine));
    with_changes += changepoints(values).empty() ? 0 : 1;
  }
  EXPECT_LE(with_changes, 20);
}

TEST(Changepoints, ShortAndConstantSeries) {
  EXPECT_THAT(changepoints(std::vector<double>{1, 2, 3}), IsEmpty());
  EXPECT_THAT(changepoints(std::vector<double>(50, 4.0)), IsEmpty());
}

std::vector<double> levels(const std::vector<std::pair<double, int>>& parts) {
  std::mt19937_64 engine(9);
  std::normal_distribution<double> normal(0, 0.004);
  std::vector<double> values;
  for (const auto& [level, count] : parts) {
    for (int i = 0; i < count; ++i) values.push_back(level * (1 + normal(engine)));
  }
  return values;
}

TEST(SteadyState, TellsWarmUpFromHeatAndFromNoise) {
  EXPECT_EQ(steady_state(levels({{1, 60}})).warmup, Warmup::flat);
  const SteadyState warm = steady_state(levels({{1.4, 8}, {1, 50}}));
  EXPECT_EQ(warm.warmup, Warmup::warming_up);
  EXPECT_EQ(warm.begin, 8U);
  EXPECT_EQ(steady_state(levels({{1, 20}, {1.3, 40}})).warmup, Warmup::slowing);
  EXPECT_EQ(steady_state(levels({{1, 50}, {1.3, 6}})).warmup, Warmup::unsteady);
  // One per cent is no other level.
  EXPECT_EQ(steady_state(levels({{1, 40}, {1.01, 40}})).warmup, Warmup::flat);
}

}  // namespace
}  // namespace ceiling::lab
