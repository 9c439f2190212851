// The compute units that this build has, by the name that --device takes.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace ceiling {

std::vector<std::string_view> device_names();  // "cpu", "reference"

// `threads` is for the CPU; 0: os::default_threads(). Throws Error(usage) for an unknown name and
// for more threads than this process has processors.
std::unique_ptr<Device> make_device(std::string_view name, unsigned threads);

}  // namespace ceiling
