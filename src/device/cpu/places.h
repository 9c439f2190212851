// Where each variable of a plan lies. Two layouts of one plan: for few rows, where every thread
// does all row work for itself (cheaper than a barrier) in memory of its own; and for many rows,
// where the threads divide the rows.
#pragma once

#include <cstddef>
#include <vector>

#include "device/cpu/flow.h"
#include "device/cpu/phases.h"

namespace ceiling::cpu {

struct Place {
  bool own = false;        // in each thread's own memory
  std::size_t offset = 0;  // floats
  std::size_t pitch = 0;   // floats from row to row; 0: one row, used up before the next
};

struct Places {
  std::vector<Place> of;          // by VarId
  std::size_t shared_floats = 0;  // of memory, with room for the rows given
  std::size_t own_floats = 0;     // of each thread
};

// Row work of a stage is done by every thread for itself.
inline bool redundant(const RowStage& stage, bool few_rows) { return few_rows && !stage.once; }

Places place_variables(const Plan& plan, const Flow& flow, bool few_rows, std::size_t max_rows,
                       std::size_t max_logit_rows);

}  // namespace ceiling::cpu
