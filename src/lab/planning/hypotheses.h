// The three questions of lab L-001, their thresholds frozen before any run.
#pragma once

#include <string>
#include <vector>

#include "lab/plan/plan.h"

namespace ceiling::lab {

// H1 to H3 in words, with the plan's thresholds; each says why it stays undecided where the plan
// has no cells that test it. `no_fill`: why none fills memory. Where the plan has cells on several
// devices, "H1 on cuda" and so on say why the others have no verdict.
std::vector<Hypothesis> hypotheses(const Plan& plan,
                                   const std::string& no_fill = "no cell fills memory");

}  // namespace ceiling::lab
