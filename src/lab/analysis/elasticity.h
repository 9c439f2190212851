// What the time of a decode step follows: its local slope on the bytes and on the arithmetic, from
// doses that alternate inside processes.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lab/plan/treatment.h"
#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// Doses up to here (the resource dilated 1.3 times) tell the slope at dose zero; larger ones show
// slack.
inline constexpr double kLargestLocalDose = 0.3;

// A process's own slopes of ln(seconds) on ln(resource dilated), at dose zero. The speed's
// elasticity with respect to the resource is the same number: twice the bytes at one bandwidth are
// the same bytes at half of it.
struct LocalSlopes {
  double bandwidth = 0;  // bytes from memory
  double placebo = 0;    // the same loads from the nearest cache
  double compute = 0;    // arithmetic on data in registers
};

// From treated steps around a base of `base_arithmetic` (0: the plain product). In each cycle the
// order differs, so what the machine does meanwhile falls on all doses alike: cycle and dose
// effects are separated by alternating robust means (a median of cycles, a mean of doses with a
// fifth trimmed at both ends), then a parabola through the doses' effects gives the slope at zero:
// the larger of two overlapping times bends it, and a straight line would read the bend as slope.
// The placebo gets a straight line: it is to show that its loads cost nothing at all, bend
// included, and a parabola's slope at the end of two doses is some four times as uncertain. Empty:
// fewer than three doses of bytes or of arithmetic, or fewer than three cycles. (A missing placebo
// is 0.)
std::optional<LocalSlopes> local_slopes(std::span<const TreatedStep> steps,
                                        std::span<const Treatment> treatments,
                                        double base_arithmetic = 0);

// Over processes: one observation a block.
struct Elasticities {
  Estimate bandwidth, placebo, compute;  // two-sided at `confidence`
  double sum = 0;                        // of the first and the third: 1 where nothing overlaps
};
Elasticities elasticities(std::span<const LocalSlopes> processes, double confidence);

// Mean time of each treatment against the base's, by the same robust means: the knee is where the
// line of larger doses starts to rise. 1 for the base itself; empty where it was not measured, and
// for a treatment that stands in the list before already.
std::vector<std::optional<double>> relative_times(std::span<const TreatedStep> steps,
                                                  std::span<const Treatment> treatments,
                                                  std::size_t base);

}  // namespace ceiling::lab
