#include "lab/trial/device_budget.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "engine/devices.h"
#include "model/placement.h"

namespace ceiling::lab {

DeviceBudget device_budget(const Program& program, const SessionOptions& options, double fill) {
  // As the session compiles it.
  CompileOptions compile;
  compile.max_rows = std::max(std::clamp(options.batch_rows, 1U, options.context),
                              std::max(options.sequences, 1U));
  compile.max_logit_rows = std::max(options.logit_rows, options.sequences);
  std::vector<UnitBudget> units = unit_budgets(options.device, program, compile, 0);
  if (units.size() < 2) {
    fail(ExitCode::failed, "device '{}' reads the model where it lies: no budget limits it",
         options.device);
  }
  constexpr std::uint64_t kAll = std::uint64_t{1} << 60;
  units.front().memory_bytes = kAll;
  const Placement whole =
      place(program, units, options.context, options.sequences, options.kv, Phase::decode);
  DeviceBudget budget;
  budget.working_set_bytes = units.front().workspace_bytes;
  for (const Segment& segment : whole.segments) {
    budget.working_set_bytes += segment.weight_bytes + segment.kv_bytes;
  }
  budget.limit_bytes =
      static_cast<std::uint64_t>(std::ceil(static_cast<double>(budget.working_set_bytes) / fill));
  return budget;
}

DeviceBudget smaller_card(const Program& program, const SessionOptions& options,
                          std::uint64_t limit_bytes) {
  DeviceBudget budget = device_budget(program, options, 1);
  budget.limit_bytes = limit_bytes;
  return budget;
}

}  // namespace ceiling::lab
