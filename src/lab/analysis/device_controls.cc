#include "lab/analysis/device_controls.h"

#include <fmt/format.h>

#include <algorithm>

namespace ceiling::lab {
namespace {

constexpr double kFull = 1 + 1e-9;

std::string wrong_overhead_types(const Plan& plan, const Judgement& judgement) {
  if (plan.design.overhead_types.empty()) {
    return "the plan has no positive control with a model shrunk to nothing in several types";
  }
  if (!judgement.overhead_types) {
    return "the positive control with a model shrunk to nothing gave too few results";
  }
  if (follows_no_bytes(*judgement.overhead_types, plan.thresholds)) return {};
  const Estimate& slope = judgement.overhead_types->decides.slope;
  return fmt::format(
      "the positive control with a model shrunk to nothing came out with a slope of {:.2f} "
      "({:.2f}–{:.2f}); it must stay below {:.2f}",
      slope.value, slope.low, slope.high, plan.thresholds.bandwidth_refuted_below);
}

}  // namespace

bool follows_no_bytes(const TypeFigures& overhead, const Thresholds& thresholds) {
  return overhead.decides.slope.high < thresholds.bandwidth_refuted_below;
}

bool budgets_took_effect(const FillFigures& fills, const Thresholds& thresholds) {
  const bool spilled_as_told =
      std::all_of(fills.levels.begin(), fills.levels.end(), [](const FillFigures::Level& level) {
        return (level.spilled_bytes > 0) == (level.fill > kFull);
      });
  const FillLevel& fullest = fills.decides.back();
  return spilled_as_told && fullest.fill > kFull && fullest.speed.high < thresholds.kept_speed;
}

std::string wrong_device_control(const Plan& plan, const Judgement& judgement,
                                 const std::string& hypothesis) {
  if (hypothesis == "H2") return wrong_overhead_types(plan, judgement);
  if (hypothesis != "H3" || budgets_took_effect(*judgement.fills, plan.thresholds)) return {};
  return "the positive control failed: weights were not left to the CPU at the budgets below the "
         "working set alone, or decode was not surely slower at the least of them";
}

}  // namespace ceiling::lab
