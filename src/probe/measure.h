// Readings of this machine's two ceilings: bytes a second from memory, operations a second.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "os/memory_map.h"
#include "probe/compute_kernel.h"
#include "probe/distribution.h"

namespace ceiling::probe {

struct BandwidthReading {
  unsigned threads = 0;
  Bytes region;             // read in turns
  std::string kernel;       // the fastest read kernel here
  bool from_memory = true;  // the region is large enough not to be read from caches
  Distribution gb_per_s;    // one value a slice
};

// Reads the region in slices for `time`, at least nine of them. The region's pages must be in
// memory.
BandwidthReading measure_bandwidth(std::span<const std::byte> region, unsigned threads,
                                   Seconds time);

struct ComputeReading {
  Arithmetic arithmetic = Arithmetic::f32;
  std::string kernel;
  unsigned threads = 0;
  Distribution gop_per_s;  // 1e9 operations a second, a multiply and an add being two
};

// One reading for each arithmetic of the active instruction set, `time` each.
std::vector<ComputeReading> measure_compute(unsigned threads, Seconds time);

// What a bandwidth measurement should read at least: 1 GiB and four times the last-level caches.
Bytes sufficient_region();

// Memory filled with data, its pages first touched by the threads that will read it (that places
// them near).
os::AnonymousMemory filled_memory(Bytes bytes, unsigned threads);

// Reads every page once with `threads` threads.
void touch(std::span<const std::byte> region, unsigned threads);

}  // namespace ceiling::probe
