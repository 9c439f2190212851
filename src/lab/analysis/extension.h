// The sealed rule for more blocks: looked at are the A/A cells alone, never what is being tested.
#pragma once

#include <cstddef>
#include <optional>

#include "lab/analysis/replay.h"
#include "lab/plan/plan.h"

namespace ceiling::lab {

// Once the blocks so far are done: the number to go on to, because the same cell under two labels
// could not yet be shown to be the same within the plan's margin. Empty: it could, the plan has no
// further extension or no such cells, or trials are still missing.
std::optional<std::size_t> extension_due(const Plan& plan, const Replay& state);

}  // namespace ceiling::lab
