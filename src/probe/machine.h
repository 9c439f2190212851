// What this machine is, in one value: printed by `ceiling probe` and stored with every result.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/isa.h"
#include "os/conditions.h"
#include "os/cpu.h"
#include "os/memory.h"

namespace ceiling::probe {

struct Machine {
  os::CpuInfo cpu;
  os::MemoryInfo memory;
  os::SystemInfo system;
  Isa isa = Isa::portable;  // the active instruction set
  bool bf16 = false;        // it multiplies bfloat16 pairs
};

// Asks the system now. Throws Error(usage) for a CEILING_ISA that this processor cannot run.
Machine describe_machine();

// Names with their units ("memory_total_bytes"); absent values are null. The host's name is left
// out: a result is made to be shared.
nlohmann::ordered_json to_json(const Machine& machine);
nlohmann::ordered_json to_json(const os::Conditions& conditions);

// "AMD EPYC, 2 cores, avx512, virtual machine (KVM)"
std::string one_line(const Machine& machine);

}  // namespace ceiling::probe
