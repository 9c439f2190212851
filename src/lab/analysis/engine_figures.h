// Another engine's trials, and this program's trials of the same model beside them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "lab/analysis/cell_trials.h"
#include "lab/plan/plan.h"
#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// 95 % intervals over blocks. What no trial measured is empty.
struct EngineFigures {
  std::size_t cell = 0;            // index into the plan's cells
  std::optional<std::size_t> own;  // this program's cell of the same model and lengths
  std::string engine;              // what it says of itself, each different text once
  Estimate tokens_per_s;
  std::optional<Estimate> share;  // of the ceiling, read before and after each trial
  std::optional<Estimate> prefill_tokens_per_s;
  std::optional<double> first_token_s, load_s;  // medians
  // Its speed and its share over this program's in the same block: what they share cancels.
  std::optional<Estimate> speed_ratio, share_ratio;
  double p = 1;  // that both are equally fast, adjusted for all engines (Holm)
  double bytes_per_token = 0;
  std::vector<std::string> missing;
  std::size_t trials = 0, excluded = 0;
};

// Of all cells of other engines that have trials. `trials`: of each cell of the plan.
std::vector<EngineFigures> engine_figures(const Plan& plan, const std::vector<CellTrials>& trials);

}  // namespace ceiling::lab
