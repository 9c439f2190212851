// What a device besides the CPU can do, before a plan is made.
#pragma once

#include <string>
#include <string_view>

#include "lab/plan/plan_device.h"

namespace ceiling::lab {

// Reads the device's memory and its link for some tenths of a second, in this process: from then on
// it holds the device. Throws what make_device throws.
PlanDevice measure_device(std::string_view device);

// The same in a process of its own (`ceiling trial --device NAME`), so that the lab holds no device
// while trials run. Throws Error with the child's exit code and reason.
PlanDevice measure_device_apart(const std::string& device);

}  // namespace ceiling::lab
