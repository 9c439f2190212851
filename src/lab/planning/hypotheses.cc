#include "lab/planning/hypotheses.h"

#include <fmt/format.h>

namespace ceiling::lab {
namespace {

// On which device the plan's hypotheses are tested.
std::string device_of(const Plan& plan) {
  return plan.design.empty() && !plan.cells.empty() ? plan.cells.front().device
                                                    : plan.tested_device();
}

std::string no_added_work(const std::string& device) {
  return fmt::format("not available on {}: it has no kernels with added work", device);
}

// Where a plan has cells on several devices, its causes are tested on one: of the others it says
// so, lest a verdict be taken for theirs.
void add_other_devices(const Plan& plan, const std::string& tested, std::vector<Hypothesis>& all) {
  const std::vector<Hypothesis> of_tested = all;
  for (const std::string& device : plan.devices()) {
    if (device == tested) continue;
    for (const Hypothesis& h : of_tested) {
      all.push_back(
          {fmt::format("{} on {}", h.id, device), h.claim,
           fmt::format("Not tested on {} in this plan.", device),
           h.id == "H1" && device != kCpu
               ? no_added_work(device)
               : fmt::format("this plan tests its hypotheses on {}: ceiling lab --device {}",
                             tested, device)});
    }
  }
}

}  // namespace

std::vector<Hypothesis> hypotheses(const Plan& plan, const std::string& no_fill) {
  const Thresholds& t = plan.thresholds;
  const double percent = 100 * t.confidence;
  const std::string measures_only =
      plan.design.empty()
          ? "this plan measures speeds and shares of the ceiling, and no ratio alone can decide a "
            "cause: the standard lab intervenes"
          : "";
  const auto untested = [&](bool tested, const std::string& why) {
    if (tested) return std::string();
    return measures_only.empty() ? why : measures_only;
  };
  const std::string device = device_of(plan);
  std::vector<Hypothesis> all = {
      {"H1", "Decode is bounded by memory bandwidth, not by arithmetic",
       fmt::format(
           "Supported if the {:.0f} % interval of the elasticity of speed to bandwidth lies "
           "inside {:.2f} to {:.2f} and that to arithmetic stays below {:.2f}; refuted if "
           "the first stays below {:.2f}, or the second lies above it. No verdict where the added "
           "bytes are not shown to come at {:.2f} to {:.2f} of the rate at which memory reads.",
           percent, t.bandwidth_least, t.bandwidth_most, t.compute_below, t.bandwidth_refuted_below,
           t.added_rate_least, t.added_rate_most),
       device == kCpu
           ? untested(!plan.design.treated.empty(),
                      "no kernels with added work for this processor, or no memory for the model")
           : no_added_work(device)},
      {"H2", "Quantised models run proportionally faster than their parameter count alone predicts",
       fmt::format("Supported if the {:.0f} % interval of the slope of log time on log bytes lies "
                   "inside {:.2f} to {:.2f}, whichever type is left out; refuted if it stays below "
                   "{:.2f}.",
                   percent, t.slope_least, t.slope_most, t.slope_least),
       untested(plan.design.types.size() >= 4, "fewer than four types fit this machine")},
      {"H3", "Speed degrades gracefully as a model approaches the available memory",
       fmt::format("Supported if speed stays within {:.0f} % up to {:.2f} of the memory and each "
                   "step of 0.05 keeps {:.2f} of it; refuted if some step loses half.",
                   100 * (1 - t.kept_speed), t.kept_until, t.step_keeps),
       untested(!plan.design.fills.empty(), no_fill)},
  };
  add_other_devices(plan, device, all);
  return all;
}

}  // namespace ceiling::lab
