// By which numbers a run is judged.
#pragma once

namespace ceiling::lab {

// Frozen in the sealed plan. Shares and slopes are plain numbers: 0.05 is 5 %.
struct Thresholds {
  double confidence = 0.90;  // of the intervals that decide
  // H1: elasticities of speed
  double bandwidth_least = 0.80, bandwidth_most = 1.10, compute_below = 0.15;
  double bandwidth_refuted_below = 0.50;
  // That the bytes added for it reached memory: their rate over the memory's, at large doses
  double added_rate_least = 0.70, added_rate_most = 1.15;
  // H2: slope of ln(time) on ln(bytes)
  double slope_least = 0.85, slope_most = 1.15;
  // H3: speed on the approach to the memory's size, relative to the least filled
  double kept_until = 0.95, kept_speed = 0.95, step_keeps = 0.80, cliff_keeps = 0.50;
  // A/A gate: margins of equivalence
  double same_within = 0.02, same_within_memory = 0.05;
};

}  // namespace ceiling::lab
