// What the program expects of decode on a device besides the CPU, before anything ran there.
#pragma once

#include <cstdint>

#include "fit/decode_prediction.h"
#include "lab/plan/plan_device.h"
#include "model/program.h"

namespace ceiling::lab {

// First values for a device that reads its own memory and holds the whole model: the bytes at
// nearly its read rate, and a fixed time for the borders between a layer's kernels. Source: decode
// of five models on an H100 (docs/results/cuda/README.md, "Between kernels"); other devices are
// farther from it than its interval says.
fit::DecodePrediction predict_device_decode(const Program& program, std::uint32_t depth,
                                            std::uint32_t count, const PlanDevice& device);

}  // namespace ceiling::lab
