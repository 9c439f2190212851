#include "engine/device_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ceiling {
namespace {

using testing::HasSubstr;

DeviceCandidate candidate(double gb_per_s) {
  return {.device = "vulkan", .description = "a GPU", .reads = {gb_per_s * 1e9}};
}

DeviceChoice choose(std::vector<DeviceCandidate> candidates) {
  return choose_device({50e9}, candidates);
}

TEST(DeviceChoice, TheFastestReaderIsChosen) {
  EXPECT_EQ(choose({candidate(400)}).device, "vulkan");
  DeviceCandidate faster = candidate(900);
  faster.device = "cuda";
  EXPECT_EQ(choose({candidate(400), faster}).device, "cuda");
  EXPECT_THAT(choose({candidate(400)}).reason, HasSubstr("50.0 GB/s"));
}

TEST(DeviceChoice, ASlowerUnitThanTheCpuNeverIs) {
  EXPECT_EQ(choose({candidate(49)}).device, "cpu");
  EXPECT_EQ(choose({candidate(50)}).device, "cpu");
  DeviceCandidate software = candidate(400);  // a reading that must be wrong
  software.software = true;
  EXPECT_EQ(choose({software}).device, "cpu");
  EXPECT_THAT(choose({software}).reason, HasSubstr("computes on the CPU"));
  DeviceCandidate small = candidate(400);
  small.holds_model = false;
  EXPECT_EQ(choose({small}).device, "cpu");
  EXPECT_THAT(choose({small}).reason, HasSubstr("no room"));
}

TEST(DeviceChoice, WithoutAnyOtherTheCpuIs) {
  EXPECT_EQ(choose({}).device, "cpu");
  EXPECT_THAT(choose({}).reason, HasSubstr("no other device"));
}

}  // namespace
}  // namespace ceiling
