// Which cells a lab has on a device besides the CPU.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/plan/plan.h"
#include "lab/planning/planner.h"

namespace ceiling::lab {

// From the largest to the smallest, for a plan of this kind.
std::vector<std::string_view> device_sizes(Kind kind);

// The cell on that device: "8B-Q4_K_M-cuda". A step is short there: more of them, after a prompt
// that is as deep as a device's kernels care.
Cell on_device(Cell cell, const PlanDevice& device);

// A plan for the device alone: sizes up to `most` at Q4_K_M (the 8B at F16 too), one size in six
// types with an A/A pair and a control (H2), and budgets from 1.2 to 0.5 of a working set (H3). The
// size is the 8B for both; where its types do not fit, and in a quick plan, the 1B has the types
// and the largest model the budgets. Where a smaller card is asked for, the largest model once more
// within its memory. H1 has no instrument there. Appends cells, what they are for and what had to
// be left out.
void choose_device(Kind kind, const Resources& resources, const PlanDevice& device,
                   std::string_view most, Plan& plan);

// Each decode cell that the plan has for its size once more on the device, where it fits.
void repeat_on_device(const PlanDevice& device, Plan& plan);

}  // namespace ceiling::lab
