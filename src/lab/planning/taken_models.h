// The models that a plan takes, one after another, while memory and disk last.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "lab/plan/plan.h"
#include "lab/planning/planner.h"

namespace ceiling::lab {

// Decode of seeded weights: "8B-Q4_K_M".
Cell synthetic_cell(const std::string& shape, const std::string& recipe);

class TakenModels {
 public:
  explicit TakenModels(const Resources& resources) : resources_(resources) {}  // must outlive it

  // Why it cannot be measured here; empty: it can.
  std::string obstacle(const Cell& cell) const;

  // Appends the cell to the plan unless something stands against it, which is then noted or not.
  bool take(const Cell& cell, Plan& plan, bool note_obstacle);

 private:
  const Resources& resources_;
  std::uint64_t taken_ = 0;      // bytes of files that are still to be made
  std::set<std::string> files_;  // those files: cells may share one
};

}  // namespace ceiling::lab
