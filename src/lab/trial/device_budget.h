// How much of a device's own memory a trial may use so that its working set takes a given share.
#pragma once

#include <cstdint>

#include "engine/session.h"
#include "model/program.h"

namespace ceiling::lab {

struct DeviceBudget {
  std::uint64_t working_set_bytes = 0;  // all weights, KV cache and buffers, were all on the device
  std::uint64_t limit_bytes = 0;        // working set over `fill`
};

// Of a session with these options (its device, context and sequences). Throws Error(failed) for a
// device without memory of its own.
DeviceBudget device_budget(const Program& program, const SessionOptions& options, double fill);

// The same on a card that has so much memory.
DeviceBudget smaller_card(const Program& program, const SessionOptions& options,
                          std::uint64_t limit_bytes);

}  // namespace ceiling::lab
