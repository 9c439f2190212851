#include "os/energy.h"

#include <gtest/gtest.h>

#include "os/linux/energy_trees.h"
#include "tree.h"

namespace ceiling::os {
namespace {

// Two packages, one with its memory; what is a part of a package, or the same counter once more, is
// no meter of its own.
TEST(Rapl, CountsPackagesAndMemoryOnce) {
  Tree tree;
  const std::string zones = "sys/class/powercap/";
  tree.file(zones + "intel-rapl:0/name", "package-0\n")
      .file(zones + "intel-rapl:0/energy_uj", "5000000\n")
      .file(zones + "intel-rapl:0/max_energy_range_uj", "262143328850\n")
      .file(zones + "intel-rapl:0:0/name", "core\n")
      .file(zones + "intel-rapl:0:0/energy_uj", "9\n")
      .file(zones + "intel-rapl:0:1/name", "dram\n")
      .file(zones + "intel-rapl:0:1/energy_uj", "250000\n")
      .file(zones + "intel-rapl:1/name", "package-1\n")
      .file(zones + "intel-rapl:1/energy_uj", "7000000\n")
      .file(zones + "intel-rapl-mmio:0/name", "package-0\n")
      .file(zones + "intel-rapl-mmio:0/energy_uj", "5000000\n")
      .file(zones + "dtpm/name", "x\n");
  const auto meters = rapl_meters(tree.root());
  ASSERT_EQ(meters.size(), 3U);
  EXPECT_EQ(meters[0].what, "processor");
  EXPECT_DOUBLE_EQ(*meters[0].joules(), 5);
  EXPECT_DOUBLE_EQ(meters[0].wraps_at, 262143.32885);
  EXPECT_EQ(meters[1].what, "memory");
  EXPECT_DOUBLE_EQ(*meters[1].joules(), 0.25);
  EXPECT_EQ(meters[2].what, "processor");
  tree.file(zones + "intel-rapl:1/energy_uj", "7500000\n");
  EXPECT_DOUBLE_EQ(*meters[2].joules(), 7.5);
}

TEST(Rapl, WhatMayNotBeReadIsNoMeter) {
  Tree tree;
  EXPECT_TRUE(rapl_meters(tree.root()).empty());
  tree.file("sys/class/powercap/intel-rapl:0/name", "package-0\n")
      .file("sys/class/powercap/intel-rapl:0/energy_uj", "");
  EXPECT_TRUE(rapl_meters(tree.root()).empty());
}

TEST(Energy, ACounterThatBeganAnewIsFollowed) {
  EnergyMeter meter;
  meter.wraps_at = 100;
  EXPECT_DOUBLE_EQ(joules_between(meter, 20, 50), 30);
  EXPECT_DOUBLE_EQ(joules_between(meter, 90, 5), 15);
  meter.wraps_at = 0;
  EXPECT_DOUBLE_EQ(joules_between(meter, 90, 5), 5);  // counted from zero again
}

TEST(Nvml, CountsTheDevicesThatCount) {
  const auto meters = nvml_meters(CEILING_FAKE_NVML);
  ASSERT_EQ(meters.size(), 1U);  // the second of the library's two devices is too old
  EXPECT_EQ(meters[0].what, "GPU");
  const double before = *meters[0].joules();
  EXPECT_DOUBLE_EQ(*meters[0].joules() - before, 1.5);
}

TEST(Nvml, AMachineWithoutTheLibraryHasNoMeters) {
  EXPECT_TRUE(nvml_meters("libno-such-library.so.1").empty());
}

TEST(Energy, MetersOfThisMachineCanBeRead) {
  for (const EnergyMeter& meter : energy_meters()) {
    const auto before = meter.joules();
    ASSERT_TRUE(before.has_value()) << meter.what;
    EXPECT_GE(joules_between(meter, *before, *meter.joules()), 0) << meter.what;
  }
}

}  // namespace
}  // namespace ceiling::os
