// The compute units that this build has, by the name that --device takes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace ceiling {

std::vector<std::string_view> device_names();  // "cpu", "cuda", "vulkan", "reference"

// `threads` is for the CPU; 0: os::default_threads(). Throws Error(usage) for an unknown name and
// for more threads than this process has processors, Error(failed) for a device that is not there.
std::unique_ptr<Device> make_device(std::string_view name, unsigned threads);

// Bytes of memory of its own that the device has free; empty: it reads the model where it lies.
// Throws as make_device.
std::optional<std::uint64_t> free_own_memory(std::string_view name);

// The units that a model asked for on this device may use, in order of preference: a device with
// memory of its own, then the CPU for what does not fit. `device_memory`: at most so many bytes of
// that memory; 0: what is free. Throws Error(usage) for a limit on a device without such memory.
std::vector<UnitBudget> unit_budgets(std::string_view name, const Program& program,
                                     const CompileOptions& options, std::uint64_t device_memory);

}  // namespace ceiling
