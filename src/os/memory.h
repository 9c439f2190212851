// How much memory there is, and how much of it this process holds.
#pragma once

#include "base/units.h"

namespace ceiling::os {

struct MemoryInfo {
  Bytes total;      // what this process could ever have: min(physical, cgroup limit)
  Bytes available;  // without swapping, now (page cache counts as available)
  Bytes swap_total;
  Bytes swap_used;
};
MemoryInfo memory_info();

struct ProcessMemory {
  Bytes resident;            // RSS: file-backed and anonymous
  Bytes resident_file;       // mapped files
  Bytes resident_anonymous;  // what this process alone holds
  Bytes peak_resident;
};
ProcessMemory process_memory();

}  // namespace ceiling::os
