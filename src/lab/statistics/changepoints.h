// Where a series changes its level: what is warm-up, what is steady.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace ceiling::lab {

// First indices of the segments after the first, by PELT (Killick, Fearnhead and Eckley 2012): the
// exact minimum of squared deviations from the segments' means, over the noise's variance, plus
// `penalty` for each change. The variance is taken from neighbours' differences by their median
// deviation, so that changes do not inflate it. Segments have at least `least_length` values. At a
// penalty of 0: 3 ln n, which finds no change in white noise most of the time.
std::vector<std::size_t> changepoints(std::span<const double> values, double penalty = 0,
                                      std::size_t least_length = 2);

// How a process came to its speed (after Barrett and others 2017, "Virtual machine warmup blows hot
// and cold"). A label on the trial, never a reason to drop it.
enum class Warmup {
  flat,        // one level
  warming_up,  // ends in a faster level than it began
  slowing,     // ends in a slower one
  unsteady,    // the last change comes in the last quarter: no steady state was seen
};
std::string_view name(Warmup warmup);

struct SteadyState {
  Warmup warmup = Warmup::flat;
  std::size_t begin = 0;  // of the last level
};
// Levels that differ by less than `tolerance` of the last one are the same.
SteadyState steady_state(std::span<const double> seconds, double tolerance = 0.02);

}  // namespace ceiling::lab
