#include "lab/statistics/allocation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"

namespace ceiling::lab {
namespace {

TEST(Variation, RecoversWhatASimulationPutIn) {
  std::mt19937_64 engine(2);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> processes(4000);
  for (auto& process : processes) {
    const double level = 10 + 3 * normal(engine);
    for (int i = 0; i < 5; ++i) process.push_back(level + 2 * normal(engine));
  }
  const Variation found = variation(processes);
  EXPECT_NEAR(found.within, 4, 0.2);
  EXPECT_NEAR(found.between, 9, 0.5);
}

TEST(Variation, ProcessesThatDoNotDifferHaveNone) {
  EXPECT_EQ(variation({{1, 3}, {1, 3}, {3, 1}}).between, 0);
  EXPECT_THROW(variation({{1, 2}, {1, 2, 3}}), Error);
}

// The rule against a search: with a budget of time, the mean's variance is
// (between + within / r) / processes, processes = budget / (process + r x iteration).
TEST(Iterations, AreWhatASearchFinds) {
  for (const auto& [within, between, process_s, iteration_s] :
       std::vector<std::tuple<double, double, double, double>>{
           {4, 9, 2, 0.1}, {16, 1, 5, 0.05}, {1, 1, 1, 1}, {0.01, 4, 3, 0.02}}) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t r = 1; r <= 2000; ++r) {
      const auto count = static_cast<double>(r);
      least = std::min(least, (between + within / count) * (process_s + count * iteration_s));
    }
    const auto chosen = static_cast<double>(
        iterations_per_process({within, between}, process_s, iteration_s, 2000));
    EXPECT_LE((between + within / chosen) * (process_s + chosen * iteration_s), 1.1 * least);
  }
  EXPECT_EQ(iterations_per_process({1, 0}, 1, 1, 64), 64U);
}

TEST(Observations, GiveTheIntervalThatWasAskedFor) {
  const std::size_t n = observations_needed(0.02, 0.01, 0.95, 1000);
  const auto half = [](std::size_t count) {
    const auto c = static_cast<double>(count);
    return t_quantile(0.975, c - 1) * 0.02 / std::sqrt(c);
  };
  EXPECT_LE(half(n), 0.01);
  EXPECT_GT(half(n - 1), 0.01);
  EXPECT_EQ(observations_needed(1, 1e-9, 0.95, 30), 30U);
}

}  // namespace
}  // namespace ceiling::lab
