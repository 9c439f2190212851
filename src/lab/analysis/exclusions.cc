#include "lab/analysis/exclusions.h"

#include <fmt/format.h>

#include <cmath>

namespace ceiling::lab {
namespace {

void add_device_reasons(const DeviceExclusions& exclusions, const DeviceConditions& seen,
                        std::vector<std::string>& reasons) {
  if (seen.slowed_share && *seen.slowed_share > exclusions.slowed_share_above) {
    reasons.push_back(
        fmt::format("the device’s clocks were lowered by heat or its power supply at {:.0f} % of "
                    "the looks",
                    100 * *seen.slowed_share));
  }
  if (seen.other_processes && *seen.other_processes > exclusions.other_processes_above) {
    reasons.push_back(
        fmt::format("{:.0f} other processes had work on the device", *seen.other_processes));
  }
  if (seen.uncorrected_errors && *seen.uncorrected_errors > exclusions.uncorrected_errors_above) {
    reasons.push_back(
        fmt::format("the device’s memory had {:.0f} errors that could not be corrected",
                    *seen.uncorrected_errors));
  }
}

}  // namespace

std::vector<std::string> excluded_by(const Exclusions& exclusions,
                                     const TrialConditions& conditions) {
  std::vector<std::string> reasons;
  const double surely_others =
      conditions.others_share.value_or(0) - conditions.others_share_resolution.value_or(0);
  if (surely_others > exclusions.others_share_above) {
    reasons.push_back(fmt::format("other processes took {:.1f} % of our processors' time",
                                  100 * *conditions.others_share));
  }
  if (conditions.swap_in_pages && *conditions.swap_in_pages > exclusions.swap_in_pages_above) {
    reasons.push_back(fmt::format("{:.0f} pages were swapped in", *conditions.swap_in_pages));
  }
  if (conditions.throttle_events &&
      *conditions.throttle_events > exclusions.throttle_events_above) {
    reasons.push_back(
        fmt::format("the processor throttled {:.0f} times", *conditions.throttle_events));
  }
  if (conditions.slept_s > exclusions.slept_s_above) {
    reasons.push_back(fmt::format("the machine slept for {:.1f} s", conditions.slept_s));
  }
  if (std::abs(conditions.clock_jump_s) > exclusions.clock_jump_s_above) {
    reasons.push_back(fmt::format("the wall clock jumped by {:.1f} s", conditions.clock_jump_s));
  }
  if (exclusions.device && conditions.device) {
    add_device_reasons(*exclusions.device, *conditions.device, reasons);
  }
  return reasons;
}

}  // namespace ceiling::lab
