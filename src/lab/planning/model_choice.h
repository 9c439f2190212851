// Which cells a lab of a kind has on this machine: models that fit, and those that test hypotheses.
#pragma once

#include <string_view>
#include <vector>

#include "lab/plan/plan.h"
#include "lab/planning/planner.h"

namespace ceiling::lab {

Cell default_cell();  // the real model that `./run fetch` gets

// From the largest to the smallest.
const std::vector<std::string_view>& standard_sizes();

// Append cells, what they are for (Plan::design) and what had to be left out. `most`: the largest
// size that may be taken.
void choose_quick(const Resources& resources, std::string_view most, Plan& plan);
void choose_standard(const Resources& resources, std::string_view most, Plan& plan);

}  // namespace ceiling::lab
