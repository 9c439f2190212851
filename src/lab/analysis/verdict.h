// Verdicts: pure functions of estimates and of thresholds that were sealed before any run.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/analysis/elasticity.h"
#include "lab/plan/thresholds.h"
#include "lab/statistics/statistics.h"

namespace ceiling::lab {

enum class Verdict { none, supported, refuted, inconclusive };
std::string_view name(Verdict verdict);  // "no verdict", "supported", ...

struct Decision {
  Verdict verdict = Verdict::none;
  std::string because;    // the number that decided, in words
  std::string otherwise;  // what would have changed it
};

// H1: speed follows memory, not arithmetic.
Decision decide_bandwidth_bound(const Elasticities& e, const Thresholds& thresholds);

// Arithmetic alone takes so much of the time that no dose of bytes could have shown otherwise: the
// elasticities to all that a step waits for add up to one.
bool surely_arithmetic(const Elasticities& e, const Thresholds& thresholds);

// What a controlled process is bound by, on the same thresholds: the positive controls must come
// out as what they are.
enum class Bound { memory, compute, overhead, unclear };
std::string_view name(Bound bound);
Bound bound_of(const Elasticities& e, const Thresholds& thresholds);

// H2: time follows bytes. One block's readings: a type each, in the same order in all blocks.
struct TypeReading {
  double bytes_per_token = 0;
  double seconds_per_token = 0;  // at one memory speed: bytes over share of the ceiling
};
struct TypeSlope {
  Estimate slope;               // block by block, then over blocks
  std::vector<double> without;  // the slope with one type left out, by type
  double range = 0;             // largest bytes over smallest
};
// At least two blocks of at least four types; throws Error(failed) otherwise.
TypeSlope type_slope(const std::vector<std::vector<TypeReading>>& blocks, double confidence);
Decision decide_proportional(const TypeSlope& slope, const Thresholds& thresholds);

// H3: speed while the working set fills the memory. Ascending fill; `speed` relative to the least
// filled level, `step` relative to the level before (both over blocks, paired).
struct FillLevel {
  double fill = 0;  // working set over available memory
  Estimate speed, step;
};
Decision decide_graceful(std::span<const FillLevel> levels, const Thresholds& thresholds);

// The A/A gate: one cell under two labels, share of the ceiling block by block. Passed: it is shown
// to be the same within the margin at 5 %.
struct SameSame {
  Estimate ratio;  // 90 %
  double p = 1;    // of "they differ by more than the margin"
  bool passed = false;
};
SameSame same_same(std::span<const double> a, std::span<const double> b, double margin);

}  // namespace ceiling::lab
