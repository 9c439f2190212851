// What the machine's other compute units read, alone and beside the CPU.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "probe/distribution.h"

namespace ceiling::probe {

struct UnitReading {
  std::string device;  // as --device takes it: "vulkan"
  std::string name;    // "llvmpipe (LLVM 15.0.6, 256 bits)"
  std::string driver;
  bool host_memory = false;  // it reads the memory that the CPU reads: one pool, several readers
  bool software = false;     // it computes on the CPU
  std::string failure;       // why nothing could be read; empty: it could
  Distribution gb_per_s;     // one value a read of its memory
  // Both at once, where they share memory: what is left to each.
  Distribution beside_cpu, cpu_beside_it;
};

// Reads with every Vulkan device that the loader lists, `time` each and once more beside `threads`
// of the CPU over `region`. Empty: none, or a build without Vulkan.
std::vector<UnitReading> measure_units(std::span<const std::byte> region, unsigned threads,
                                       Seconds time);

}  // namespace ceiling::probe
