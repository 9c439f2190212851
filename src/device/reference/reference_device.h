// The oracle: interprets a Program in float32 over dequantised weights, one operation at a time,
// slowly.
#pragma once

#include <memory>

#include "device/device.h"

namespace ceiling {

std::unique_ptr<Device> make_reference_device();

}  // namespace ceiling
