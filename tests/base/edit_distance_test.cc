#include "base/edit_distance.h"

#include <gtest/gtest.h>

namespace ceiling {
namespace {

TEST(EditDistance, CountsLettersToChange) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("4090", "4090"), 0U);
  EXPECT_EQ(edit_distance("4090", "4091"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3U);
}

TEST(NearestThree, AreInOrderAndKeepEqualOnesAsTheyStood) {
  using Names = std::vector<std::string_view>;
  EXPECT_EQ(nearest_three({{4, "d"}, {2, "b"}, {1, "a"}, {2, "c"}}), (Names{"a", "b", "c"}));
  EXPECT_EQ(nearest_three({{9, "only"}}), Names{"only"});
  EXPECT_TRUE(nearest_three({}).empty());
}

}  // namespace
}  // namespace ceiling
