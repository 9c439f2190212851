#ifdef CEILING_VULKAN_BUILT

#include "device/vulkan/side_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace ceiling::vulkan {
namespace {

std::vector<std::byte> random_bytes(std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(count));
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

TEST(SideCopy, BringsEveryByteOnceWhateverTheThreads) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  for (const std::size_t threads : {1U, 2U, 5U}) {
    SideCopy side_by_side(threads);
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, kMiB, 7 * kMiB + 3}) {
      const std::vector<std::byte> from = random_bytes(count);
      std::vector<std::byte> to(count + 1, std::byte{0x5A});
      side_by_side.copy(to.data(), from);
      EXPECT_TRUE(std::equal(from.begin(), from.end(), to.begin())) << threads << ", " << count;
      EXPECT_EQ(to.back(), std::byte{0x5A});
    }
  }
}

TEST(SideCopy, EndsWithoutHavingCopied) { SideCopy{3}; }

}  // namespace
}  // namespace ceiling::vulkan

#endif
