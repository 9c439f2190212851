// The measuring side of a trial: runs in a fresh process of its own (`ceiling trial`).
#pragma once

#include <string>

#include "lab/plan/cell.h"
#include "lab/trial/trial.h"
#include "os/conditions.h"

namespace ceiling::lab {

// Loads the model at `path` and times load, prefill, first token and decode, with short readings of
// the same memory between tokens, outside the decode clock. A cold-load cell's file is evicted from
// the page cache first, and its load clock ends when all its pages are in memory again. A cell
// that fills memory runs in little of it (memory_fill.h). Prompt and
// tokens are fixed numbers, so every trial of a cell does the same work; the choice of the next
// token (greedy) is inside the clock. Prints nothing. Throws what opening and running a model
// throws.
TrialResult measure(const Cell& cell, const std::string& path);

// The machine between two snapshots, on `processors` of its processors.
TrialConditions between(const os::Conditions& before, const os::Conditions& after,
                        unsigned processors);

}  // namespace ceiling::lab
