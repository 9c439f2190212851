#include "os/conditions.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

#include "os/linux/text.h"
#include "os/linux/trees.h"
#include "os/memory_map.h"
#include "tree.h"

namespace ceiling::os {
namespace {

TEST(Conditions, WhatIsNotShownIsEmptyAndNotZero) {
  Tree tree;
  const Conditions now = conditions_of(tree.root(), {0});
  EXPECT_FALSE(now.steal_s);
  EXPECT_FALSE(now.busy_others_s);
  EXPECT_FALSE(now.load_1min);
  EXPECT_FALSE(now.memory_stall_s);
  EXPECT_FALSE(now.cpu_stall_s);
  EXPECT_FALSE(now.swap_in_pages);
  EXPECT_FALSE(now.refaults);
  EXPECT_FALSE(now.frequency_mhz);
  EXPECT_FALSE(now.temperature_c);
  EXPECT_FALSE(now.throttle_events);
}

TEST(Conditions, ReadsOnlyOurProcessorsFromTheTrees) {
  Tree tree;
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  tree.file("proc/stat",
            "cpu  9 9 9 9 9 9 9 9\ncpu0 100000 0 20000 500 7 3 2 40 0 0\n"
            "cpu1 1 0 1 500 0 0 0 1000 0 0\nintr 5\n")
      .file("proc/loadavg", "1.25 0.5 0.1 1/99 1234\n")
      .file("proc/pressure/memory", "some avg10=0 avg60=0 avg300=0 total=2500000\nfull total=9\n")
      .file("proc/pressure/cpu", "some avg10=0 avg60=0 avg300=0 total=500000\n")
      .file("proc/vmstat",
            "pswpin 11\npswpout 12\nworkingset_refault_anon 1\nworkingset_refault_file 13\n")
      .file("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3400000\n")
      .file("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "1000000\n")
      .file("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "4\n")
      .file("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "3\n")
      .file("sys/class/thermal/thermal_zone0/temp", "41000\n")
      .file("sys/class/hwmon/hwmon0/temp1_input", "67500\n")
      .file("sys/class/hwmon/hwmon0/temp2_input", "255000\n");
  const Conditions now = conditions_of(tree.root(), {0});
  EXPECT_DOUBLE_EQ(*now.steal_s, 40 / ticks);
  EXPECT_NEAR(*now.busy_others_s, 120005 / ticks, 100);  // less this process's own seconds
  EXPECT_DOUBLE_EQ(*now.load_1min, 1.25);
  EXPECT_DOUBLE_EQ(*now.memory_stall_s, 2.5);
  EXPECT_DOUBLE_EQ(*now.cpu_stall_s, 0.5);
  EXPECT_EQ(*now.swap_in_pages, 11U);
  EXPECT_EQ(*now.swap_out_pages, 12U);
  EXPECT_EQ(*now.refaults, 13U);
  EXPECT_DOUBLE_EQ(*now.frequency_mhz, 3400);
  EXPECT_EQ(*now.throttle_events, 7U);
  EXPECT_DOUBLE_EQ(*now.temperature_c, 67.5);
}

// A name may hold brackets and spaces; 0x208040 has the flag of kernel threads, 0x400100 has not.
TEST(Conditions, ThreadsOfTheKernelAreNoOtherProcess) {
  Tree tree;
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  tree.file("proc/stat", "cpu0 200000 0 0 500 0 0 0 0 0 0\ncpu1 100000 0 0 500 0 0 0 0 0 0\n")
      .file("proc/71/stat",
            "71 (kswapd0 (x) y) S 2 0 0 0 -1 2129984 0 0 0 0 3000 40000 0 0 20 0 1 0 44 0 0\n")
      .file("proc/80/stat",
            "80 (shell) S 1 80 80 0 -1 4194560 9 9 0 0 5000 70000 0 0 20 0 1 0 90 0 0\n")
      .file("proc/81/stat", "81 (gone")
      .file("proc/self/stat", "no number");
  EXPECT_NEAR(*conditions_of(tree.root(), {0, 1}).busy_others_s, 257000 / ticks, 100);
  EXPECT_NEAR(*conditions_of(tree.root(), {0}).busy_others_s, 200000 / ticks, 100);
}

TEST(Conditions, AGroupsOwnPressureGoesBeforeTheMachines) {
  Tree tree;
  tree.file("proc/self/mountinfo", "29 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
      .file("proc/self/cgroup", "0::/job\n")
      .file("proc/pressure/memory", "some avg10=0 total=9000000\n")
      .file("sys/fs/cgroup/job/memory.pressure", "some avg10=0 total=1000000\n");
  EXPECT_DOUBLE_EQ(*conditions_of(tree.root(), {0}).memory_stall_s, 1);
}

TEST(Conditions, OwnFaultsAndClocksMove) {
  const Conditions before = conditions();
  const AnonymousMemory memory(std::size_t{8} << 20);
  for (std::size_t i = 0; i < memory.size(); i += 4096) memory.data()[i] = std::byte{1};
  const Conditions after = conditions();
  EXPECT_GT(*after.minor_faults, *before.minor_faults);
  EXPECT_GT(after.monotonic_s, before.monotonic_s);
  EXPECT_GT(after.boottime_s, before.boottime_s);
  EXPECT_GT(after.wall_s, 1.7e9);
}

TEST(SystemInfo, NamesTheDistributionAndTheKernel) {
  Tree tree;
  tree.file("etc/os-release", "NAME=\"D\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
      .file("sys/firmware/acpi/platform_profile", "balanced\n");
  const SystemInfo info = system_info_of(tree.root());
  EXPECT_EQ(info.os, "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(info.power_profile, "balanced");
  EXPECT_FALSE(info.kernel.empty());
  Tree bare;
  EXPECT_EQ(system_info_of(bare.root()).os, "Linux");
}

TEST(ParseList, ReadsRangesAndLeavesOutWhatIsMalformed) {
  using List = std::vector<unsigned>;
  EXPECT_EQ(parse_list("0-3,8"), (List{0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_list("5"), List{5});
  EXPECT_EQ(parse_list(""), List{});
  EXPECT_EQ(parse_list("x,2-,7,9-4,0-99999999999"), List{7});
}

}  // namespace
}  // namespace ceiling::os
