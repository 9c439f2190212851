// Positive controls where no work can be added: that the instrument of a hypothesis sees what is
// surely there.
#pragma once

#include <string>

#include "lab/analysis/judgement.h"

namespace ceiling::lab {

// H2: the time of a model shrunk to nothing must not follow its bytes: the slope over its types
// stays below Thresholds::bandwidth_refuted_below.
bool follows_no_bytes(const TypeFigures& overhead, const Thresholds& thresholds);

// H3: a budget below the working set leaves weights to the CPU and surely slows decode, one above
// it does not.
bool budgets_took_effect(const FillFigures& fills, const Thresholds& thresholds);

// Why the control of a hypothesis ("H2", "H3") keeps it from a verdict; empty: it does not.
std::string wrong_device_control(const Plan& plan, const Judgement& judgement,
                                 const std::string& hypothesis);

}  // namespace ceiling::lab
