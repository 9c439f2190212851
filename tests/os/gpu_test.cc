#include "os/gpu.h"

#include <gtest/gtest.h>

#include "os/linux/nvml.h"

namespace ceiling::os {
namespace {

TEST(Gpu, ShowsWhatTheLibrarySays) {
  const auto gpus = nvml_gpus(CEILING_FAKE_NVML);
  ASSERT_EQ(gpus.size(), 2U);
  EXPECT_TRUE(same_bus_address(gpus[0]->bus_address(), "0000:4e:00.0"));
  const GpuState state = gpus[0]->state();
  EXPECT_EQ(state.clock_mhz, 1500);
  EXPECT_EQ(state.most_clock_mhz, 1980);
  EXPECT_EQ(state.memory_clock_mhz, 2619);
  EXPECT_EQ(state.temperature_c, 71);
  EXPECT_DOUBLE_EQ(*state.power_w, 412.5);
  EXPECT_EQ(state.slowed_down, true);
  EXPECT_EQ(state.power_capped, false);
  EXPECT_EQ(state.corrected_errors, 5U);
  EXPECT_EQ(state.uncorrected_errors, 0U);
  EXPECT_EQ(state.processes, 2U);
}

TEST(Gpu, WhatADeviceDoesNotShowIsEmpty) {
  const auto gpus = nvml_gpus(CEILING_FAKE_NVML);
  ASSERT_EQ(gpus.size(), 2U);
  const GpuState state = gpus[1]->state();
  EXPECT_FALSE(state.clock_mhz);
  EXPECT_FALSE(state.temperature_c);
  EXPECT_FALSE(state.power_w);
  EXPECT_FALSE(state.slowed_down);
  EXPECT_FALSE(state.corrected_errors);
  EXPECT_FALSE(state.processes);
  EXPECT_FALSE(gpus[1]->joules());
}

TEST(Gpu, AMachineWithoutTheLibraryHasNone) {
  EXPECT_TRUE(nvml_gpus("libno-such-library.so.1").empty());
}

TEST(Gpu, ABusAddressIsTheSameHoweverItIsWritten) {
  EXPECT_TRUE(same_bus_address("00000000:4E:00.0", "0000:4e:00.0"));
  EXPECT_FALSE(same_bus_address("00000000:4E:00.0", "00000000:4F:00.0"));
  EXPECT_FALSE(same_bus_address("00000001:4E:00.0", "00000000:4E:00.0"));
  EXPECT_FALSE(same_bus_address("", ""));
}

}  // namespace
}  // namespace ceiling::os
