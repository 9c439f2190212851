// What GLSL cannot say is put into SPIR-V: a module as the compiler writes it, and as it should be.
#include "device/vulkan/component_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ceiling::test {
namespace {

using Words = std::vector<std::uint32_t>;

constexpr std::uint32_t kBound = 30;

Words module(const std::vector<Words>& instructions, std::uint32_t bound) {
  Words out{0x07230203, 0x00010500, 0, bound, 0};
  for (const Words& one : instructions) {
    out.push_back(static_cast<std::uint32_t>(one.size()) << 16U | one[0]);
    out.insert(out.end(), one.begin() + 1, one.end());
  }
  return out;
}

const Words kInt{21, 1, 32, 1}, kFloat{22, 2, 32}, kSixteen{43, 1, 3, 16}, kThirtyTwo{43, 1, 4, 32};
const Words kThree{43, 1, 5, 3}, kZero{43, 1, 6, 0};

TEST(ComponentTypes, AreFloatsOfTheWidthThatStoodThere) {
  const Words half{4456, 7, 3, 5, 3, 3, 6};
  const Words sums{4456, 8, 4, 5, 3, 3, 6};
  const Words other{4456, 9, 3, 5, 3, 3, 5};
  const Words in =
      module({kInt, kFloat, kSixteen, kThirtyTwo, kThree, kZero, half, sums, other}, kBound);
  const Words expected = module({kInt,
                                 kFloat,
                                 kSixteen,
                                 kThirtyTwo,
                                 kThree,
                                 kZero,
                                 {22, kBound, 16},
                                 {4456, 7, kBound, 5, 3, 3, 6},
                                 {4456, 8, 2, 5, 3, 3, 6},
                                 {4456, 9, kBound, 5, 3, 3, 5}},
                                kBound + 1);
  EXPECT_EQ(vulkan::with_component_types(in), expected);
}

TEST(ComponentTypes, AFloatThatIsThereIsTaken) {
  const Words half{22, 9, 16};
  const Words in = module({kInt, kSixteen, half, {4456, 7, 3, 5, 3, 3, 6}}, kBound);
  EXPECT_EQ(vulkan::with_component_types(in),
            module({kInt, kSixteen, half, {4456, 7, 9, 5, 3, 3, 6}}, kBound));
}

TEST(ComponentTypes, OtherShadersStayAsTheyAre) {
  const Words in = module({kInt, kFloat, kSixteen}, kBound);
  EXPECT_EQ(vulkan::with_component_types(in), in);
}

}  // namespace
}  // namespace ceiling::test
