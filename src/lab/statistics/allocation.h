// How to spend a budget of time: more iterations in a process, or more processes.
#pragma once

#include <cstddef>
#include <vector>

#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// Where variation comes from, estimated from a pilot of processes with equally many iterations each
// (Kalibera and Jones 2013, "Rigorous benchmarking in reasonable time", section 5).
struct Variation {
  double within = 0;   // variance between the iterations of a process
  double between = 0;  // between processes, that of their iterations taken off; never below 0
};
// At least two processes with the same number (two or more) of iterations.
Variation variation(const std::vector<std::vector<double>>& processes);

// Iterations in each process that give the narrowest interval for the time, given what a process
// costs beside its iterations (start, load, warm-up) and what an iteration costs: the square root
// of cost_process / cost_iteration x within / between, rounded up; `most` where processes do not
// differ.
std::size_t iterations_per_process(const Variation& variation, double process_s, double iteration_s,
                                   std::size_t most);

// Observations until the two-sided t interval of their mean is at most `half_width` to each side,
// if their standard deviation is `sd`; `most` if more would be needed.
std::size_t observations_needed(double sd, double half_width, double confidence, std::size_t most);

}  // namespace ceiling::lab
