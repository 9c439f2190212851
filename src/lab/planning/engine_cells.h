// Cells of other engines beside this program's own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lab/plan/plan.h"

namespace ceiling::lab {

// An engine that a person asked for. `served`: of a server, what it calls the model of a cell (by
// the cell's id, or a size: its first cell is meant).
struct EngineWish {
  TrialEngine engine;
  std::map<std::string, std::string> served;
};

// Appends, for each engine, a cell beside each decode cell that is there for its size (of a server:
// beside those that it serves). What is served and has no cell here is listed as left out.
void add_engine_cells(Plan& plan, const std::vector<EngineWish>& wishes);

}  // namespace ceiling::lab
