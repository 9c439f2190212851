// What every device refuses of a batch, whatever it computes with.
#pragma once

#include <string_view>

#include "device/device.h"

namespace ceiling {

// Throws Error(failed) for a batch without rows, or with more of them (or of logits) than
// `options` were compiled for, and for a token outside the vocabulary. `device` names it.
void check_batch(const Batch& batch, const Program& program, const CompileOptions& options,
                 std::string_view device);

}  // namespace ceiling
