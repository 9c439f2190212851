// The devices of this machine, measured: for `--device auto` and for `probe`.
#pragma once

#include "engine/device_choice.h"
#include "engine/model.h"
#include "engine/session.h"

namespace ceiling::cli {

// Reads the model's mapping with the CPU, and the memory of every other device that is there.
DeviceChoice measure_and_choose(const Model& model, const SessionOptions& options);

// How fast the CPU reads the start of the model's mapping now, its pages in memory.
BytesPerSecond host_read_rate(const Model& model);

}  // namespace ceiling::cli
