#include "lab/wording/published_speeds.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace ceiling::lab {
namespace {

const PublishedMachine* named(const std::vector<PublishedMachine>& machines,
                              std::string_view name) {
  const auto found = std::ranges::find(machines, name, &PublishedMachine::name);
  return found == machines.end() ? nullptr : &*found;
}

TEST(PublishedSpeeds, JoinTheTableWithTheCatalogue) {
  const auto machines =
      published_machines("LLaMA 7B v2", "Q4_0", "tg128", {"bandwidth_gb_s", "tdp_w"});
  EXPECT_GE(machines.size(), 20U);
  const PublishedMachine* m1 = named(machines, "Apple M1 7c");
  ASSERT_NE(m1, nullptr);
  EXPECT_DOUBLE_EQ(m1->figures.at("bandwidth_gb_s"), 68);
  EXPECT_FALSE(m1->figures.contains("tdp_w"));  // the catalogue does not know it
  EXPECT_GT(m1->tokens_per_s, 5);
  EXPECT_LT(m1->tokens_per_s, 68e9 / 3.5e9);  // less than its bandwidth allows
}

TEST(PublishedSpeeds, UnknownWorkHasNoMachines) {
  EXPECT_TRUE(published_machines("LLaMA 7B v2", "Q4_0", "tg7", {"bandwidth_gb_s"}).empty());
}

TEST(PublishedSpeeds, AnUnknownColumnIsAnError) {
  EXPECT_THROW(published_machines("LLaMA 7B v2", "Q4_0", "tg128", {"beauty"}), Error);
}

}  // namespace
}  // namespace ceiling::lab
