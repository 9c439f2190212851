// Which trials do not count: physical events named in the sealed plan.
#pragma once

#include <string>
#include <vector>

#include "lab/plan/plan.h"
#include "lab/trial/trial.h"

namespace ceiling::lab {

// Why the trial is excluded; empty: it counts. It sees the conditions and never what was measured.
std::vector<std::string> excluded_by(const Exclusions& exclusions,
                                     const TrialConditions& conditions);

}  // namespace ceiling::lab
