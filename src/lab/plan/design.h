// Which of a plan's cells test which hypothesis.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lab/plan/thresholds.h"

namespace ceiling::lab {

class Fields;

// Cells by their ids. Empty: not tested.
struct Design {
  std::vector<std::string> same;  // one cell under two labels: the A/A gate
  std::string treated;            // H1: a model with treatments
  std::string compute_control;    // the same with eightfold arithmetic: must come out compute-bound
  std::string overhead_control;   // a model shrunk to nothing: must come out overhead-bound
  std::vector<std::string> types;  // H2: one model in several tensor types
  // On a device without treatments: a model shrunk to nothing in several types, whose time must not
  // follow its bytes.
  std::vector<std::string> overhead_types;
  std::vector<std::string> fills;  // H3: one model, memory ever fuller
  bool empty() const { return same.empty() && treated.empty() && types.empty() && fills.empty(); }
  std::vector<std::string> cells() const;  // all that are named
  bool has(std::string_view cell) const;
  bool is_overhead_type(std::string_view cell) const;
  // The second label of the A/A pair, whose figures are not another result.
  bool is_twin(std::string_view cell) const { return same.size() == 2 && same[1] == cell; }
};

nlohmann::json to_json(const Design& design);
Design design_from_json(const Fields& fields);  // throws Error(integrity)

nlohmann::json to_json(const Thresholds& thresholds);
Thresholds thresholds_from_json(const Fields& fields);  // what is absent keeps its value

}  // namespace ceiling::lab
