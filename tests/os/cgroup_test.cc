// Control groups of machines that are not this one: trees as their kernels show them.
#include "os/linux/cgroup.h"

#include <gtest/gtest.h>

#include "os/linux/trees.h"
#include "tree.h"

namespace ceiling::os {
namespace {

constexpr const char* kMountV2 =
    "29 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kMountsV1 =
    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

TEST(CgroupQuota, Version2TakesTheTightestLevel) {
  Tree tree;
  tree.file("proc/self/mountinfo", kMountV2)
      .file("proc/self/cgroup", "0::/user.slice/job.scope\n")
      .file("sys/fs/cgroup/user.slice/cpu.max", "250000 100000\n")
      .file("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_quota_cores(tree.root()), 2.5);
  tree.file("sys/fs/cgroup/user.slice/job.scope/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_quota_cores(tree.root()), 0.5);
}

TEST(CgroupQuota, NoLimitIsZero) {
  Tree tree;
  EXPECT_EQ(cgroup_quota_cores(tree.root()), 0);
  tree.file("proc/self/mountinfo", kMountV2)
      .file("proc/self/cgroup", "0::/a\n")
      .file("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_quota_cores(tree.root()), 0);
}

TEST(CgroupQuota, AContainerThatIsToldAForeignPathReadsItsOwnMount) {
  Tree tree;
  tree.file("proc/self/mountinfo", kMountV2)
      .file("proc/self/cgroup", "0::/../../docker/1234\n")
      .file("sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_quota_cores(tree.root()), 4);
}

TEST(CgroupQuota, AMountOfPartOfTheHierarchyIsReadFromThere) {
  Tree tree;
  tree.file("proc/self/mountinfo",
            "31 30 0:27 /docker/12 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n")
      .file("proc/self/cgroup", "4:cpu:/docker/12/inner\n")
      .file("sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "150000\n")
      .file("sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(cgroup_quota_cores(tree.root()), 1.5);
}

TEST(CgroupQuota, Version1ReadsQuotaAndPeriodAndMinusOneIsNone) {
  Tree tree;
  tree.file("proc/self/mountinfo", kMountsV1)
      .file("proc/self/cgroup", "5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n")
      .file("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n")
      .file("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_quota_cores(tree.root()), 0);
  tree.file("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "300000\n");
  EXPECT_DOUBLE_EQ(cgroup_quota_cores(tree.root()), 3);
}

TEST(CgroupMemory, PageCacheCountsAsAvailable) {
  Tree tree;
  tree.file("proc/self/mountinfo", kMountV2)
      .file("proc/self/cgroup", "0::/job\n")
      .file("sys/fs/cgroup/job/memory.max", "1000000000\n")
      .file("sys/fs/cgroup/job/memory.current", "900000000\n")
      .file("sys/fs/cgroup/job/memory.stat",
            "anon 200000000\nfile 700000000\ninactive_file 300000000\nactive_file 400000000\n");
  const auto memory = cgroup_memory(tree.root());
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->limit, 1'000'000'000U);
  EXPECT_EQ(memory->available, 800'000'000U);
}

TEST(CgroupMemory, Version1WithoutALimitIsNone) {
  Tree tree;
  tree.file("proc/self/mountinfo", kMountsV1)
      .file("proc/self/cgroup", "4:memory:/job\n")
      .file("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n")
      .file("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "1000\n");
  EXPECT_FALSE(cgroup_memory(tree.root()));
  tree.file("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "5000\n")
      .file("sys/fs/cgroup/memory/job/memory.stat", "cache 9\ntotal_inactive_file 400\n");
  EXPECT_EQ(cgroup_memory(tree.root())->available, 4400U);
}

TEST(MemoryInfo, IsTheLeastOfMachineAndGroup) {
  Tree tree;
  tree.file("proc/meminfo",
            "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:    8000000 kB\n"
            "SwapTotal:       2000000 kB\nSwapFree:        1500000 kB\n");
  EXPECT_EQ(memory_info_of(tree.root()).total.value, 16'000'000ULL * 1024);
  EXPECT_EQ(memory_info_of(tree.root()).available.value, 8'000'000ULL * 1024);
  EXPECT_EQ(memory_info_of(tree.root()).swap_used.value, 500'000ULL * 1024);
  tree.file("proc/self/mountinfo", kMountV2)
      .file("proc/self/cgroup", "0::/job\n")
      .file("sys/fs/cgroup/job/memory.max", "1000000\n")
      .file("sys/fs/cgroup/job/memory.current", "1500000\n");
  EXPECT_EQ(memory_info_of(tree.root()).total.value, 1'000'000U);
  EXPECT_EQ(memory_info_of(tree.root()).available.value, 0U);
}

TEST(MemoryInfo, OfThisMachineIsPlausible) {
  const MemoryInfo info = memory_info();
  EXPECT_GT(info.total.value, std::uint64_t{64} << 20);
  EXPECT_LE(info.available.value, info.total.value);
  const ProcessMemory own = process_memory();
  EXPECT_GT(own.resident.value, 1U << 20);
  EXPECT_GE(own.peak_resident.value, own.resident.value / 2);
}

}  // namespace
}  // namespace ceiling::os
