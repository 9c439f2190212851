// What a person expects, from a few characters: "7B=9.5", "1B-Q8_0=14:11-18".
#pragma once

#include <string>

#include "lab/plan/plan.h"

namespace ceiling::lab {

// NAME=MEDIAN or NAME=MEDIAN:LOW-HIGH (the 80 % interval), in tokens/s. NAME is a cell's id, or a
// size (its first cell is meant). From an 80 % interval the 95 % one follows on a logarithmic
// scale; a median alone stakes no interval. Throws Error(usage) naming what was given and the cells
// there are.
CellPrediction parse_expectation(const std::string& text, const Plan& plan);

// Replaces the user's prediction of that cell, if there is one.
void expect(Plan& plan, CellPrediction prediction);

}  // namespace ceiling::lab
