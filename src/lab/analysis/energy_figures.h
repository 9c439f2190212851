// Tokens a joule, by the machine's meters or by a reading at the wall.
#pragma once

#include <optional>
#include <vector>

#include "lab/analysis/analysis.h"
#include "lab/analysis/cell_trials.h"

namespace ceiling::lab {

// Of one cell. A meter counts if every trial of the cell has its count.
std::vector<EnergyFigures> energy_figures(const CellTrials& trials,
                                          std::optional<double> wall_watts);

}  // namespace ceiling::lab
