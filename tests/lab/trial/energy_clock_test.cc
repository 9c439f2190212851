#include "lab/trial/energy_clock.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace ceiling::lab {
namespace {

// Meters whose counts are told beforehand, one for each look.
os::EnergyMeter meter(const std::string& what, std::vector<std::optional<double>> counts,
                      double wraps_at = 0) {
  auto next = std::make_shared<std::size_t>(0);
  return {what, [counts = std::move(counts), next] { return counts.at((*next)++); }, wraps_at};
}

TEST(EnergyClock, CountsOnlyWhileItRunsAndAddsMetersOfOneKind) {
  EnergyClock clock({meter("processor", {10, 12, 50, 53}), meter("processor", {1, 2, 90, 4}, 100),
                     meter("GPU", {0, 30, 30, 60})});
  clock.start();
  clock.stop();
  clock.start();
  clock.stop();
  const auto drawn = clock.drawn();
  ASSERT_EQ(drawn.size(), 2U);
  EXPECT_EQ(drawn[0].what, "GPU");
  EXPECT_DOUBLE_EQ(drawn[0].joules, 60);
  EXPECT_EQ(drawn[1].what, "processor");
  EXPECT_DOUBLE_EQ(drawn[1].joules, 2 + 3 + 1 + 14);
}

TEST(EnergyClock, AMeterThatFailsOnceOrNeverMovesTellsNothing) {
  EnergyClock clock({meter("processor", {10, std::nullopt}), meter("memory", {7, 7})});
  clock.start();
  clock.stop();
  EXPECT_TRUE(clock.drawn().empty());
}

}  // namespace
}  // namespace ceiling::lab
