// The three questions of lab L-001, their thresholds frozen before any run.
#pragma once

#include <vector>

#include "lab/plan.h"

namespace ceiling::lab {

// H1 to H3 for a run that measures speeds and shares only: each says why it stays undecided.
std::vector<Hypothesis> untested_hypotheses();

}  // namespace ceiling::lab
