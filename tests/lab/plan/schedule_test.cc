#include "lab/plan/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace ceiling::lab {
namespace {

TEST(Schedule, ReferenceOpensAndClosesAndEveryCellStandsOnce) {
  const auto schedule = make_schedule(7, 20, 6, 2);
  ASSERT_EQ(schedule.size(), 20U);
  for (const auto& block : schedule) {
    ASSERT_EQ(block.size(), 7U);
    EXPECT_EQ(block.front(), 2U);
    EXPECT_EQ(block.back(), 2U);
    std::vector<std::size_t> inner(block.begin() + 1, block.end() - 1);
    std::sort(inner.begin(), inner.end());
    EXPECT_EQ(inner, (std::vector<std::size_t>{0, 1, 3, 4, 5}));
  }
  EXPECT_EQ(make_schedule(7, 1, 1, 0), (std::vector<std::vector<std::size_t>>{{0}}));
}

TEST(Schedule, IsFixedByTheSeedAndExtensionKeepsWhatWasDrawn) {
  const auto ten = make_schedule(99, 10, 5, 0);
  const auto thirty = make_schedule(99, 30, 5, 0);
  EXPECT_TRUE(std::equal(ten.begin(), ten.end(), thirty.begin()));
  EXPECT_NE(ten, make_schedule(100, 10, 5, 0));
  // Pinned: a sealed seed must give the same order on every system and in every version.
  EXPECT_EQ(ten[0], (std::vector<std::size_t>{0, 1, 3, 2, 4, 0}));
}

TEST(Schedule, EveryOrderIsEquallyLikely) {
  constexpr std::size_t kBlocks = 6000;
  std::map<std::vector<std::size_t>, int> counts;
  for (const auto& block : make_schedule(1, kBlocks, 4, 0)) ++counts[block];
  ASSERT_EQ(counts.size(), 6U);  // 3! orders of the cells between
  double chi_squared = 0;
  for (const auto& [order, count] : counts) {
    const double expected = kBlocks / 6.0;
    chi_squared += (count - expected) * (count - expected) / expected;
  }
  EXPECT_LT(chi_squared, 20.5);  // 0.999 quantile at 5 degrees of freedom
}

}  // namespace
}  // namespace ceiling::lab
