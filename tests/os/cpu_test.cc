// Processors of machines that are not this one, and the pinning of this one's.
#include "os/cpu.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <thread>

#include "os/linux/trees.h"
#include "tree.h"

namespace ceiling::os {
namespace {

using Processors = std::vector<unsigned>;

Processors first(unsigned count) {
  Processors all(count);
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

void processor(Tree& tree, unsigned number, const std::string& siblings,
               const std::string& max_khz = "") {
  const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(number) + "/";
  tree.file(folder + "topology/thread_siblings_list", siblings + "\n");
  if (!max_khz.empty()) tree.file(folder + "cpufreq/cpuinfo_max_freq", max_khz + "\n");
}

// Two performance cores with two threads each (0-3), four efficient cores (4-7).
void hybrid(Tree& tree) {
  processor(tree, 0, "0-1", "5100000");
  processor(tree, 1, "0-1", "5100000");
  processor(tree, 2, "2-3", "5300000");
  processor(tree, 3, "2-3", "5300000");
  for (unsigned p = 4; p < 8; ++p) processor(tree, p, std::to_string(p), "3800000");
}

TEST(Cpu, HyperThreadsAreOneCore) {
  Tree tree;
  for (unsigned p = 0; p < 8; ++p) {
    processor(tree, p, std::to_string(p % 4) + "," + std::to_string(p % 4 + 4));
  }
  const CpuInfo info = cpu_info_of(tree.root(), first(8));
  EXPECT_EQ(info.physical_cores, 4U);
  EXPECT_EQ(info.performance_cores, 4U);
  EXPECT_EQ(default_threads_of(info), 4U);
  EXPECT_EQ(pin_order_of(cores_of(tree.root(), first(8)), 8), (Processors{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Cpu, AnAffinityMaskThatHoldsOnlySiblingsStillCounts) {
  Tree tree;
  for (unsigned p = 0; p < 8; ++p) {
    processor(tree, p, std::to_string(p % 4) + "," + std::to_string(p % 4 + 4));
  }
  const CpuInfo info = cpu_info_of(tree.root(), {5, 6});
  EXPECT_EQ(info.physical_cores, 2U);
  EXPECT_EQ(pin_order_of(cores_of(tree.root(), {5, 6}), 3), (Processors{5, 6, 5}));
}

TEST(Cpu, AHybridChipsPerformanceCoresComeFirstByFrequency) {
  Tree tree;
  hybrid(tree);
  const CpuInfo info = cpu_info_of(tree.root(), first(8));
  EXPECT_EQ(info.physical_cores, 6U);
  EXPECT_EQ(info.performance_cores, 2U);
  EXPECT_EQ(pin_order_of(cores_of(tree.root(), first(8)), 8), (Processors{0, 2, 4, 5, 6, 7, 1, 3}));
}

TEST(Cpu, IntelsOwnListDecidesWhereFrequenciesAreNear) {
  Tree tree;
  for (unsigned p = 0; p < 4; ++p) processor(tree, p, std::to_string(p), "5000000");
  EXPECT_EQ(cpu_info_of(tree.root(), first(4)).performance_cores, 4U);
  tree.file("sys/devices/cpu_core/cpus", "2-3\n").file("sys/devices/cpu_atom/cpus", "0-1\n");
  EXPECT_EQ(cpu_info_of(tree.root(), first(4)).performance_cores, 2U);
  EXPECT_EQ(pin_order_of(cores_of(tree.root(), first(4)), 4), (Processors{2, 3, 0, 1}));
}

TEST(Cpu, ArmsCapacitiesDecideBeforeFrequencies) {
  Tree tree;
  for (unsigned p = 0; p < 4; ++p) {
    processor(tree, p, std::to_string(p), "2000000");
    tree.file("sys/devices/system/cpu/cpu" + std::to_string(p) + "/cpu_capacity",
              p < 2 ? "430\n" : "1024\n");
  }
  EXPECT_EQ(pin_order_of(cores_of(tree.root(), first(4)), 2), (Processors{2, 3}));
}

TEST(Cpu, TheQuotaLimitsTheThreads) {
  CpuInfo info;
  info.performance_cores = 8;
  EXPECT_EQ(default_threads_of(info), 8U);
  info.quota_cores = 2.9;
  EXPECT_EQ(default_threads_of(info), 2U);
  info.quota_cores = 0.3;
  EXPECT_EQ(default_threads_of(info), 1U);
}

TEST(Cpu, CachesSharedByDifferentProcessorsAddUp) {
  Tree tree;
  for (unsigned p = 0; p < 4; ++p) {
    processor(tree, p, std::to_string(p));
    const std::string cache = "sys/devices/system/cpu/cpu" + std::to_string(p) + "/cache/index";
    tree.file(cache + "0/level", "1\n")
        .file(cache + "0/type", "Data\n")
        .file(cache + "0/size", "48K\n");
    tree.file(cache + "1/level", "1\n")
        .file(cache + "1/type", "Instruction\n")
        .file(cache + "1/size", "32K\n");
    tree.file(cache + "2/level", "2\n")
        .file(cache + "2/type", "Unified\n")
        .file(cache + "2/size", "2M\n");
    tree.file(cache + "3/level", "3\n")
        .file(cache + "3/type", "Unified\n")
        .file(cache + "3/size", "32768K\n");
    tree.file(cache + "3/shared_cpu_list", p < 2 ? "0-1\n" : "2-3\n");
  }
  const CpuInfo info = cpu_info_of(tree.root(), first(4));
  EXPECT_EQ(info.l1d_bytes, 48U << 10);
  EXPECT_EQ(info.l2_bytes, 2U << 20);
  EXPECT_EQ(info.l3_bytes, 32U << 20);
  EXPECT_EQ(info.last_level_bytes, 64U << 20);
  EXPECT_EQ(cpu_info_of(tree.root(), {0, 1}).last_level_bytes, 32U << 20);
}

TEST(Cpu, NamesTheModelTheGovernorAndTheHypervisor) {
  Tree tree;
  tree.file("proc/cpuinfo",
            "processor\t: 0\nmodel name\t: Imaginary 9000\nflags\t\t: fpu hypervisor sse\n")
      .file("sys/class/dmi/id/sys_vendor", "QEMU\n")
      .file("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
  const CpuInfo info = cpu_info_of(tree.root(), {0});
  EXPECT_EQ(info.model, "Imaginary 9000");
  EXPECT_EQ(info.governor, "powersave");
  EXPECT_TRUE(info.virtual_machine);
  EXPECT_EQ(info.hypervisor, "QEMU");
}

TEST(Cpu, BareMetalAtACloudIsNoVirtualMachine) {
  Tree tree;
  tree.file("proc/cpuinfo", "model name\t: Imaginary 9000\nflags\t\t: fpu sse\n")
      .file("sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
  EXPECT_FALSE(cpu_info_of(tree.root(), {0}).virtual_machine);
}

TEST(Cpu, AnUnnamedHypervisorIsStillAVirtualMachine) {
  Tree tree;
  tree.file("proc/cpuinfo", "model name\t: x\nflags\t\t: fpu hypervisor\n");
  const CpuInfo info = cpu_info_of(tree.root(), {0});
  EXPECT_TRUE(info.virtual_machine);
  EXPECT_EQ(info.hypervisor, "");
}

TEST(Cpu, ThisMachinesProcessorsAreThoseOfTheMask) {
  const CpuInfo info = cpu_info();
  EXPECT_EQ(info.usable, affinity());
  EXPECT_GE(info.physical_cores, 1U);
  EXPECT_LE(default_threads(), info.usable.size());
  EXPECT_FALSE(info.model.empty());
}

TEST(Cpu, PinningHoldsTheThreadAndIsSeenInTheMask) {
  std::thread([] {
    const unsigned last = affinity().back();
    ASSERT_TRUE(pin_this_thread(last));
    EXPECT_EQ(affinity(), Processors{last});
    EXPECT_EQ(sched_getcpu(), static_cast<int>(last));
    EXPECT_EQ(default_threads(), 1U);
    EXPECT_FALSE(pin_this_thread(100'000));
  }).join();
}

// The kernel may move a thread at any moment, though it has no reason to: one of twenty is enough.
TEST(Cpu, AThreadLeavesTheProcessorsOfOthersAndStaysFree) {
  const Processors all = affinity();
  if (all.size() < 2) GTEST_SKIP() << "one processor";
  std::thread([&] {
    int moved = 0, stayed = 0;
    for (int i = 0; i < 20; ++i) {
      const auto now = static_cast<unsigned>(sched_getcpu());
      const unsigned other = now == all.front() ? all.back() : all.front();
      leave_processors({other}, other);  // it is not there: nothing happens
      stayed += sched_getcpu() == static_cast<int>(now);
      leave_processors({now}, other);
      moved += sched_getcpu() == static_cast<int>(other);
      EXPECT_EQ(affinity(), all);
    }
    EXPECT_GT(moved, 0);
    EXPECT_GT(stayed, 0);
  }).join();
}

}  // namespace
}  // namespace ceiling::os
