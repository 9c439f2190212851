// Whether the verdicts find the truth of simulated machines, in reduced form; the whole of it is
// bench/calibration, its table docs/results/calibration.md.
#include "calibration/calibration.h"

#include <gtest/gtest.h>

namespace ceiling::simulation {
namespace {

class CalibrationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { calibration_ = calibrate(240, 500'000); }
  static double share(unsigned part, unsigned whole) { return static_cast<double>(part) / whole; }
  static inline Calibration calibration_;
};

// With 240 machines one standard error of a rate of 5 % is 1.4 %.
TEST_F(CalibrationTest, WrongVerdictsAreRare) {
  for (const auto* tallies : {&calibration_.h1, &calibration_.h2, &calibration_.h3}) {
    const Tally all = sum(*tallies);
    EXPECT_EQ(all.machines, 240U);
    EXPECT_LE(share(all.wrong, all.machines), 0.05 + 2 * 0.014);
  }
}

TEST_F(CalibrationTest, AtTwoPerCentOfNoiseClearTruthsAreFound) {
  for (const auto* tallies : {&calibration_.h1, &calibration_.h2, &calibration_.h3}) {
    const Tally& at_two = (*tallies)[1];  // 1.5 to 2.5 %
    ASSERT_GT(at_two.clear, 10U);
    EXPECT_GE(share(at_two.clear_right, at_two.clear), 0.70);
  }
}

TEST_F(CalibrationTest, IntervalsCoverAsTheySay) {
  for (const auto* tallies : {&calibration_.h1, &calibration_.h2, &calibration_.h3}) {
    const Tally all = sum(*tallies);
    ASSERT_GT(all.intervals, 200U);
    // Three standard errors; intervals of one machine share its trials, so machines count.
    EXPECT_NEAR(share(all.covered, all.intervals), 0.95, 3 * 0.0141);
  }
}

TEST_F(CalibrationTest, TheSameSeedGivesTheSameTable) {
  const std::string once = markdown(calibrate(3, 9));
  EXPECT_EQ(once, markdown(calibrate(3, 9)));
  EXPECT_NE(once, markdown(calibrate(3, 10)));
}

}  // namespace
}  // namespace ceiling::simulation
