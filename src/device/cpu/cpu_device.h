// The CPU: its own thread pool, weights read in place from the mapping (residency `shared`).
#pragma once

#include <memory>

#include "base/isa.h"
#include "device/device.h"

namespace ceiling::cpu {

struct CpuOptions {
  unsigned threads = 0;  // 0: os::default_threads()
  Isa isa = Isa::portable;
  bool pin = true;
};

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options);

}  // namespace ceiling::cpu
