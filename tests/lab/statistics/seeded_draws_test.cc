#include "lab/statistics/seeded_draws.h"

#include <gtest/gtest.h>

#include <array>

namespace ceiling::lab {
namespace {

TEST(SeededDraws, StayBelowTheirBoundAndFillIt) {
  SeededDraws draws(3);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen[draws.below(7)];
  for (const int count : seen) EXPECT_NEAR(count, 1000, 150);
  for (int i = 0; i < 1000; ++i) {
    const double u = draws.uniform();
    EXPECT_GE(u, 0);
    EXPECT_LT(u, 1);
  }
  EXPECT_EQ(draws.below(1), 0U);
}

}  // namespace
}  // namespace ceiling::lab
