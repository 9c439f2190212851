// Which device `--device auto` means: the one that reads the model fastest, and never one that is
// slower than the CPU.
#pragma once

#include <span>
#include <string>

#include "base/units.h"

namespace ceiling {

// A device besides the CPU, as it is on this machine.
struct DeviceCandidate {
  std::string device;       // as --device takes it: "vulkan"
  std::string description;  // "llvmpipe (LLVM 15.0.6, 256 bits)"
  BytesPerSecond reads;     // of its own memory, or of the host's where that is its own
  bool software = false;    // it computes on the CPU
  bool holds_model = true;  // nothing would be spilled
};

struct DeviceChoice {
  std::string device;
  std::string reason;  // one line: "vulkan: NVIDIA H200 reads 4600 GB/s, the CPU 100 GB/s"
};

// `cpu`: what the CPU reads of the model's mapping. Candidates in order of preference among equals.
DeviceChoice choose_device(BytesPerSecond cpu, std::span<const DeviceCandidate> candidates);

}  // namespace ceiling
