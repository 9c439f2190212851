// The measuring side of another engine's trial: in a fresh process of its own, as measure().
#pragma once

#include <string>

#include "lab/engines/engine_run.h"
#include "lab/plan/cell.h"
#include "lab/trial/trial.h"

namespace ceiling::lab {

// Has the cell's engine run the model at `path`, and reads this machine's memory before and after:
// between tokens of another program nobody can. Bytes and operations are those of the same file as
// this program counts them. A server elsewhere has no ceiling here. Throws what the engine's run
// throws.
TrialResult measure_engine(const Cell& cell, const std::string& path,
                           const EngineLimits& limits = {});

}  // namespace ceiling::lab
