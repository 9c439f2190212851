// Which processors this process may use, and what they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ceiling::os {

struct CpuInfo {
  std::string model;               // "AMD EPYC", "Apple M4 Pro"
  std::vector<unsigned> usable;    // processor numbers in this process's affinity mask
  double quota_cores = 0;          // cgroup CPU quota in cores; 0 = none
  unsigned physical_cores = 0;     // distinct physical cores among `usable`
  unsigned performance_cores = 0;  // of these, those of the fastest kind on a hybrid chip
  std::uint64_t l1d_bytes = 0, l2_bytes = 0,
                l3_bytes = 0;          // of one core / core / shared; 0 unknown
  std::uint64_t last_level_bytes = 0;  // last-level caches of all `usable` together; 0 unknown
  bool virtual_machine = false;
  std::string hypervisor;  // "KVM", empty when unknown or none
  std::string governor;    // "performance", empty when not shown
};

CpuInfo cpu_info();

// One thread per usable performance core (not per hyper-thread), at most the cgroup quota, at
// least 1.
unsigned default_threads();

// Processor numbers for `threads` pinned workers: one per performance core first, then one per
// slower core, then the other hyper-threads in the same order; with more threads than processors it
// starts again.
std::vector<unsigned> pin_order(unsigned threads);

// Pins the calling thread. Returns false where the system does not allow or offer it.
bool pin_this_thread(unsigned processor);

// Where the calling thread runs on one of `taken`, it moves to `processor`, and may be moved again:
// nothing is bound, and threads that it starts inherit nothing. Costs 30 ns where it runs
// elsewhere. Nothing happens where the system does not allow or offer it.
void leave_processors(const std::vector<unsigned>& taken, unsigned processor);

}  // namespace ceiling::os
