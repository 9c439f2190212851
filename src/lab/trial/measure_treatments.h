// Decode steps under treatments that alternate inside one process.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/session.h"
#include "lab/plan/treatment.h"

namespace ceiling::lab {

using CountMisses = std::function<std::optional<std::uint64_t>()>;

// How long the alternation goes on: until `seconds` of treated steps, within these cycles.
struct CycleLimits {
  std::uint32_t least = 4, most = 400;
  double seconds = 10;
};

// Cycles of all treatments, each cycle in an order of its own, each step at the same depth: what a
// step appended is taken back. Sequence 0 of the session holds the prompt; sequences beyond it are
// forked from it. `between_cycles` runs outside every clock, and so does `misses`, before and after
// each step: cache misses so far, where they are counted. Throws Error(failed) where the device
// has no kernels with added work.
std::vector<TreatedStep> measure_treatments(Session& session,
                                            const std::vector<Treatment>& treatments, Token token,
                                            const CycleLimits& limits,
                                            const std::function<void()>& between_cycles,
                                            const CountMisses& misses);

}  // namespace ceiling::lab
