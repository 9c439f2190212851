// How the layers run that do not fit the preferred unit's memory, in each phase: chosen by rates.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/placement.h"

namespace ceiling {

// What rates mean in a step, for who predicts one. Source: an H100 and its 16 host cores, 8B and
// 70B of Q4_K_M in several splits.
inline constexpr double kHostShare = 0.91;  // of what a probe reads, in matrix products of a host
                                            // with so many cores that memory binds them
inline constexpr double kBesideTheLink = 0.85;  // of the host's reading, while the link is busy
inline constexpr double kCutSeconds = 100e-6;  // from unit to unit: copies, waiting, waking threads

struct SpillChoice {
  Spill ways;
  // Prompts of fewer rows run as answers do: too few share what would cross the link.
  std::uint32_t prompt_rows = 2;
  std::string reason;  // one line for people
};

// What is fastest by the units' rates, of what is possible: prompts of `rows` rows by the last unit
// or over the link; answers also by both. Without rates, or where the first unit cannot stream: by
// the last unit.
SpillChoice choose_spill(const Program& program, const std::vector<UnitBudget>& units,
                         const PlaceFor& what, std::uint32_t rows);

}  // namespace ceiling
