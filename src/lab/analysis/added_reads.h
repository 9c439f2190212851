// Whether the bytes that byte dilation adds come from memory at all. A fetch may be dropped, or
// answered by a cache, and no result would tell: but where so many bytes are added that memory
// surely sets the time, each further byte must take what memory takes for it.
#pragma once

#include <optional>
#include <span>

#include "lab/plan/thresholds.h"
#include "lab/plan/treatment.h"
#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// Of one process: between its two largest doses of bytes, of which the larger adds as many bytes as
// there were, or more.
struct AddedReads {
  double cost = 0;             // time of an added byte over the memory's time for a byte
  double memory_per_s = 0;     // bytes/s that the readings before the cycles found
  double from = 0, until = 0;  // the two doses
  // Cache misses that came with each line added, where the processor counted them.
  std::optional<double> misses_per_line = {};
};

// The median over cycles, each held against the reading before it. Empty: no two doses of bytes, or
// no cycle that has both and a reading.
std::optional<AddedReads> added_reads(std::span<const TreatedStep> steps,
                                      std::span<const CycleReading> readings,
                                      std::span<const Treatment> treatments);

// Over processes: one observation a block. The rate at which added bytes came, over the memory's.
struct AddedRate {
  Estimate ratio;           // infinite where time did not grow with the bytes
  double memory_per_s = 0;  // bytes/s, median
  double from = 0, until = 0;
  std::optional<double> misses_per_line;  // median; about 1 where added lines came from memory
};
AddedRate added_rate(std::span<const AddedReads> processes, double confidence);

// Shown to come from memory: the whole interval lies within the thresholds.
bool reached_memory(const AddedRate& rate, const Thresholds& thresholds);

}  // namespace ceiling::lab
