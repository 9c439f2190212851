// How well a lab's cells predict one another: each in turn is left out of what is learned.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fit/prediction.h"
#include "lab/ledger/directory.h"

namespace ceiling::lab {

struct ToldCell {
  std::string cell;
  std::size_t trials = 0;      // that count
  bool type_taught = false;    // another model of the lab has its type
  double memory_gb_per_s = 0;  // at that time; the prediction's ceiling is of the same
  double measured = 0;         // share of the ceiling, median of the trials
  fit::Prediction predicted;   // from the cells of all other models
  double error() const { return predicted.median / measured - 1; }
};

// The decode cells of this program on the CPU, in the plan's order. The other labels of a cell's
// model are left out with it. Throws as measured_cells.
std::vector<ToldCell> leave_each_out(const RunDirectory& run);

}  // namespace ceiling::lab
