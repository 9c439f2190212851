#include "lab/statistics/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace ceiling::lab {
namespace {

// Student (1908), "The probable error of a mean": hours of sleep gained with two drugs by the same
// ten patients. The intervals are those of R's documentation of its `sleep` data.
const std::vector<double> kDrug1 = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
const std::vector<double> kDrug2 = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

TEST(TQuantile, TableValues) {  // any printed table of Student's t
  EXPECT_NEAR(t_quantile(0.975, 4), 2.776, 5e-4);
  EXPECT_NEAR(t_quantile(0.95, 9), 1.833, 5e-4);
  EXPECT_NEAR(t_quantile(0.975, 1), 12.706, 5e-4);
}

TEST(MeanInterval, StudentsSleepDataPaired) {
  std::vector<double> gain;
  for (std::size_t i = 0; i < kDrug1.size(); ++i) gain.push_back(kDrug2[i] - kDrug1[i]);
  const Estimate estimate = mean_interval(gain, 0.95);
  EXPECT_NEAR(estimate.value, 1.58, 1e-9);
  EXPECT_NEAR(estimate.low, 0.7001142, 1e-6);
  EXPECT_NEAR(estimate.high, 2.4598858, 1e-6);
  EXPECT_EQ(estimate.n, 10U);
}

TEST(WelchDifference, StudentsSleepDataUnpaired) {
  const Estimate estimate = welch_difference(kDrug1, kDrug2, 0.95);
  EXPECT_NEAR(estimate.value, -1.58, 1e-9);
  EXPECT_NEAR(estimate.low, -3.3654832, 1e-6);
  EXPECT_NEAR(estimate.high, 0.2054832, 1e-6);
}

TEST(MedianAndDeviation, ByHand) {
  const std::vector<double> odd = {3, 1, 2}, even = {4, 1, 3, 2};
  EXPECT_EQ(median(odd), 2);
  EXPECT_EQ(median(even), 2.5);
  EXPECT_NEAR(standard_deviation(even), std::sqrt(5.0 / 3), 1e-12);
}

TEST(GeometricInterval, IsTheIntervalOfTheLogarithms) {
  const std::vector<double> values = {std::exp(1.0), std::exp(2.0), std::exp(3.0)};
  const Estimate estimate = geometric_interval(values, 0.95);
  EXPECT_NEAR(std::log(estimate.value), 2, 1e-12);
  EXPECT_NEAR(std::log(estimate.high), 2 + 4.302653 / std::sqrt(3.0), 1e-5);
  EXPECT_NEAR(std::log(estimate.low), 2 - 4.302653 / std::sqrt(3.0), 1e-5);
}

TEST(PairedRatio, WhatABlockSharesCancels) {
  const std::vector<double> a = {10, 15, 8, 12}, b = {5, 7.5, 4, 6};
  const Estimate estimate = paired_ratio(a, b, 0.95);
  EXPECT_NEAR(estimate.value, 2, 1e-12);
  EXPECT_NEAR(estimate.high - estimate.low, 0, 1e-9);
}

TEST(Statistics, OneValueHasNoSpreadAndNoneIsRefused) {
  const std::vector<double> one = {5};
  const Estimate estimate = mean_interval(one, 0.95);
  EXPECT_EQ(estimate.n, 1U);
  EXPECT_EQ(estimate.low, 5);
  EXPECT_THROW(mean({}), Error);
  EXPECT_THROW(standard_deviation(one), Error);
  const std::vector<double> zero = {0, 1};
  EXPECT_THROW(geometric_interval(zero, 0.95), Error);
}

}  // namespace
}  // namespace ceiling::lab
