#include "lab/plan/design.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

struct NamedThreshold {
  const char* name;
  double Thresholds::* member;
};

constexpr NamedThreshold kThresholds[] = {
    {"confidence", &Thresholds::confidence},
    {"bandwidth_least", &Thresholds::bandwidth_least},
    {"bandwidth_most", &Thresholds::bandwidth_most},
    {"compute_below", &Thresholds::compute_below},
    {"bandwidth_refuted_below", &Thresholds::bandwidth_refuted_below},
    {"added_rate_least", &Thresholds::added_rate_least},
    {"added_rate_most", &Thresholds::added_rate_most},
    {"slope_least", &Thresholds::slope_least},
    {"slope_most", &Thresholds::slope_most},
    {"kept_until", &Thresholds::kept_until},
    {"kept_speed", &Thresholds::kept_speed},
    {"step_keeps", &Thresholds::step_keeps},
    {"cliff_keeps", &Thresholds::cliff_keeps},
    {"same_within", &Thresholds::same_within},
    {"same_within_memory", &Thresholds::same_within_memory},
};

constexpr std::size_t kMostCells = 64;

}  // namespace

std::vector<std::string> Design::cells() const {
  std::vector<std::string> all = same;
  all.insert(all.end(), types.begin(), types.end());
  all.insert(all.end(), overhead_types.begin(), overhead_types.end());
  all.insert(all.end(), fills.begin(), fills.end());
  for (const std::string& id : {treated, compute_control, overhead_control}) {
    if (!id.empty()) all.push_back(id);
  }
  return all;
}

bool Design::has(std::string_view cell) const {
  const std::vector<std::string> all = cells();
  return std::find(all.begin(), all.end(), cell) != all.end();
}

bool Design::is_overhead_type(std::string_view cell) const {
  return std::find(overhead_types.begin(), overhead_types.end(), cell) != overhead_types.end();
}

json to_json(const Design& design) {
  json value = json::object();
  if (!design.same.empty()) value["same"] = design.same;
  if (!design.treated.empty()) value["treated"] = design.treated;
  if (!design.compute_control.empty()) value["compute_control"] = design.compute_control;
  if (!design.overhead_control.empty()) value["overhead_control"] = design.overhead_control;
  if (!design.types.empty()) value["types"] = design.types;
  if (!design.overhead_types.empty()) value["overhead_types"] = design.overhead_types;
  if (!design.fills.empty()) value["fills"] = design.fills;
  return value;
}

Design design_from_json(const Fields& fields) {
  fields.only({"same", "treated", "compute_control", "overhead_control", "types", "overhead_types",
               "fills"});
  Design design;
  if (fields.has("same")) design.same = fields.texts("same", 2);
  if (design.same.size() == 1) {
    fail(ExitCode::integrity, "{}.same names one cell; expected one cell under two labels",
         fields.label());
  }
  design.treated = fields.text_or("treated", "");
  design.compute_control = fields.text_or("compute_control", "");
  design.overhead_control = fields.text_or("overhead_control", "");
  if (fields.has("fills")) design.fills = fields.texts("fills", kMostCells);
  if (fields.has("overhead_types")) {
    design.overhead_types = fields.texts("overhead_types", kMostCells);
  }
  if (fields.has("types")) design.types = fields.texts("types", kMostCells);
  return design;
}

json to_json(const Thresholds& thresholds) {
  json value = json::object();
  for (const auto& [name, member] : kThresholds) value[name] = thresholds.*member;
  return value;
}

Thresholds thresholds_from_json(const Fields& fields) {
  Thresholds thresholds;
  for (const auto& [name, member] : kThresholds) {
    if (fields.has(name)) thresholds.*member = fields.number(name, 0, 10);
  }
  for (const auto& item : fields.value().items()) {
    const auto known = [&](const NamedThreshold& t) { return item.key() == t.name; };
    if (std::none_of(std::begin(kThresholds), std::end(kThresholds), known)) {
      fail(ExitCode::integrity, "{} has a member '{}' that is unknown", fields.label(), item.key());
    }
  }
  if (!(thresholds.confidence > 0 && thresholds.confidence < 1)) {
    fail(ExitCode::integrity, "{}.confidence is {}; expected a number between 0 and 1",
         fields.label(), thresholds.confidence);
  }
  return thresholds;
}

}  // namespace ceiling::lab
