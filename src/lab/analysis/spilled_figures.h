// Models that a device does not hold beside the same models that it does: what the spill costs, and
// how much of it the two memories explain.
#pragma once

#include <cstddef>
#include <vector>

#include "lab/analysis/cell_trials.h"
#include "lab/plan/plan.h"
#include "lab/statistics/statistics.h"

namespace ceiling::lab {

struct SpilledFigures {
  std::size_t cell = 0, resident = 0;     // indices into the plan's cells
  Estimate tokens_per_s, resident_per_s;  // over blocks, 95 %
  Estimate times_slower;                  // resident over spilled, block by block, 95 %
  double left_bytes = 0;                  // of weights, for the CPU to read at every token
  double own_bytes = 0;                   // what the device reads of its own memory for a token
  // How much slower it would be if each byte left to the CPU took its time in the host's memory (as
  // read before the run) in place of the device's (as read between the tokens), and nothing else.
  double times_by_memory = 0;
};

// Of each cell within a budget that left weights to the CPU and has a resident partner, in the
// plan's order. `trials`: of each cell.
std::vector<SpilledFigures> spilled_figures(const Plan& plan,
                                            const std::vector<CellTrials>& trials);

}  // namespace ceiling::lab
