// The Linux implementations, reading /proc and /sys below a given root: tests show them the trees
// of other machines. The functions without a root use "/".
#pragma once

#include <filesystem>
#include <vector>

#include "os/conditions.h"
#include "os/cpu.h"
#include "os/memory.h"

namespace ceiling::os {

// The processors of one physical core that are usable, in ascending order.
struct Core {
  std::vector<unsigned> processors;
  bool performance = true;  // of the fastest kind on this chip
};

// Physical cores among `usable`: performance cores first, each kind in ascending order.
std::vector<Core> cores_of(const std::filesystem::path& root, const std::vector<unsigned>& usable);

CpuInfo cpu_info_of(const std::filesystem::path& root, const std::vector<unsigned>& usable);
unsigned default_threads_of(const CpuInfo& info);
std::vector<unsigned> pin_order_of(const std::vector<Core>& cores, unsigned threads);

MemoryInfo memory_info_of(const std::filesystem::path& root);

// What the tree tells; clocks, own processor time and own faults are of the running process.
Conditions conditions_of(const std::filesystem::path& root, const std::vector<unsigned>& usable);
SystemInfo system_info_of(const std::filesystem::path& root);

// This process's affinity mask.
std::vector<unsigned> affinity();

}  // namespace ceiling::os
