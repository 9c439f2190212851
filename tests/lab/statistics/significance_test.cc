#include "lab/statistics/significance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ceiling::lab {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

// The four p values of the example in Wikipedia's "Holm-Bonferroni method"; the adjusted values are
// those of R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
TEST(Holm, PublishedExample) {
  const std::vector<double> p = {0.01, 0.04, 0.03, 0.005};
  EXPECT_THAT(holm_adjusted(p), ElementsAre(DoubleNear(0.03, 1e-12), DoubleNear(0.06, 1e-12),
                                            DoubleNear(0.06, 1e-12), DoubleNear(0.02, 1e-12)));
}

TEST(Holm, StaysWithinOneAndKeepsTheOrder) {
  EXPECT_THAT(holm_adjusted(std::vector<double>{0.9, 0.8}), ElementsAre(1.0, 1.0));
  EXPECT_THAT(holm_adjusted(std::vector<double>{0.04}), ElementsAre(0.04));
  EXPECT_TRUE(holm_adjusted({}).empty());
}

// Student's sleep data, as R prints them: t = -4.0621, df = 9, p-value = 0.002833.
TEST(TTest, StudentsSleepData) {
  const std::vector<double> gain = {1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4};
  EXPECT_NEAR(t_test(gain, 0), 0.002833, 5e-7);
  EXPECT_NEAR(t_test(gain, 1.58), 1, 1e-9);
}

// The same data unpaired, as R prints them: t = -1.8608, df = 17.776, p-value = 0.07939.
TEST(WelchTest, StudentsSleepData) {
  const std::vector<double> first = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
  const std::vector<double> second = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  EXPECT_NEAR(welch_test(first, second), 0.07939, 5e-6);
}

// Lakens (2017), "Equivalence tests: a practical primer", first example: means 5.25 and 5.22,
// standard deviations 0.95 and 0.83, n 95 and 89, margin 0.43 standard deviations:
// t(182) = -2.69, p = .004.
TEST(Equivalence, LakensExample) {
  const double difference = 5.25 - 5.22;
  const double error = std::sqrt(0.95 * 0.95 / 95 + 0.83 * 0.83 / 89);
  const double bound = 0.43 * std::sqrt((0.95 * 0.95 + 0.83 * 0.83) / 2);
  EXPECT_NEAR((difference - bound) / error, -2.69, 0.005);
  EXPECT_NEAR(equivalence_p(difference, error, 182, -bound, bound), 0.004, 5e-4);
}

// TOST at 5 % and the 90 % interval are one decision.
TEST(Equivalence, AgreesWithTheIntervalOfNinetyPercent) {
  const std::vector<double> a = {1.00, 1.02, 0.99, 1.01, 1.03, 0.98};
  const std::vector<double> b = {1.01, 1.00, 1.00, 1.02, 1.01, 1.00};
  const Estimate ratio = paired_ratio(a, b, 0.90);
  const double widest = std::max(ratio.high, 1 / ratio.low) - 1;
  EXPECT_LT(ratio_equivalence_p(a, b, widest + 1e-4), 0.05);
  EXPECT_GT(ratio_equivalence_p(a, b, widest - 1e-4), 0.05);
}

TEST(Equivalence, WithoutAnyNoiseItIsTheMarginAlone) {
  EXPECT_EQ(equivalence_p(0.01, 0, 9, -0.02, 0.02), 0);
  EXPECT_EQ(equivalence_p(0.03, 0, 9, -0.02, 0.02), 1);
}

}  // namespace
}  // namespace ceiling::lab
