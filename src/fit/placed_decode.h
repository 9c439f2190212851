// A decode step of a placed model: what each unit reads at its measured rate, and what the rest of
// a step costs. Times of units add; the link works beside the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/cost.h"
#include "model/placement.h"
#include "model/program.h"

namespace ceiling::fit {

// As measured beside the run. Unknown rates are 0.
struct UnitRates {
  BytesPerSecond device;  // of its own memory
  BytesPerSecond host;    // of the model's mapping, all threads
  BytesPerSecond link;
  unsigned threads = 1;  // of the host
};

struct PlacedTime {
  std::string unit, holds;
  Residency residency = Residency::shared;
  std::uint64_t bytes = 0;  // read in a step, or crossing the link
  Seconds time;
};

struct PlacedPrediction {
  std::vector<PlacedTime> segments;  // in order
  Seconds cuts;                      // activations from unit to unit
  Seconds step;
  double tokens_per_s() const { return step.value > 0 ? 1 / step.value : 0; }
};

// One sequence at positions [depth, depth + count). `host`: the unit that reads the mapping. Throws
// Error(usage) where a rate that it needs is unknown.
PlacedPrediction predict_placed(const Program& program, const Placement& placement,
                                std::string_view host, std::uint32_t depth, std::uint32_t count,
                                KvType kv, const UnitRates& rates);

}  // namespace ceiling::fit
