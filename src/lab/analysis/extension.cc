#include "lab/analysis/extension.h"

#include <algorithm>

#include "lab/analysis/judgement.h"

namespace ceiling::lab {

std::optional<std::size_t> extension_due(const Plan& plan, const Replay& state) {
  const auto next = std::upper_bound(plan.extensions.begin(), plan.extensions.end(), state.blocks);
  if (next == plan.extensions.end() || next_slot(plan, state)) return std::nullopt;
  const auto same = same_same_of(plan, state, plan.thresholds.same_within);
  if (!same || same->passed) return std::nullopt;
  return *next;
}

}  // namespace ceiling::lab
