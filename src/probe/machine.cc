#include "probe/machine.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/units.h"

namespace ceiling::probe {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

template <typename T>
Json positive_or_null(T value) {
  return value > 0 ? Json(value) : Json(nullptr);
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.cpu = os::cpu_info();
  machine.memory = os::memory_info();
  machine.system = os::system_info();
  machine.isa = active_isa();
  machine.bf16 = (vectors_of(machine.isa) == Isa::avx512 && has_avx512_bf16()) ||
                 (machine.isa == Isa::neon && has_neon_bf16());
  return machine;
}

Json to_json(const Machine& machine) {
  const os::CpuInfo& cpu = machine.cpu;
  return {{"cpu", cpu.model},
          {"usable_processors", cpu.usable.size()},
          {"physical_cores", cpu.physical_cores},
          {"performance_cores", cpu.performance_cores},
          {"quota_cores", positive_or_null(cpu.quota_cores)},
          {"isa", name(machine.isa)},
          {"bf16", machine.bf16},
          {"l1d_bytes", positive_or_null(cpu.l1d_bytes)},
          {"l2_bytes", positive_or_null(cpu.l2_bytes)},
          {"l3_bytes", positive_or_null(cpu.l3_bytes)},
          {"last_level_bytes", positive_or_null(cpu.last_level_bytes)},
          {"virtual_machine", cpu.virtual_machine},
          {"hypervisor", text_or_null(cpu.hypervisor)},
          {"governor", text_or_null(cpu.governor)},
          {"power_profile", text_or_null(machine.system.power_profile)},
          {"memory_total_bytes", machine.memory.total.value},
          {"memory_available_bytes", machine.memory.available.value},
          {"swap_total_bytes", machine.memory.swap_total.value},
          {"swap_used_bytes", machine.memory.swap_used.value},
          {"os", machine.system.os},
          {"kernel", machine.system.kernel}};
}

Json to_json(const os::Conditions& now) {
  return {{"monotonic_s", now.monotonic_s},
          {"boottime_s", now.boottime_s},
          {"wall_s", now.wall_s},
          {"steal_s", or_null(now.steal_s)},
          {"busy_others_s", or_null(now.busy_others_s)},
          {"load_1min", or_null(now.load_1min)},
          {"memory_stall_s", or_null(now.memory_stall_s)},
          {"cpu_stall_s", or_null(now.cpu_stall_s)},
          {"major_faults", or_null(now.major_faults)},
          {"minor_faults", or_null(now.minor_faults)},
          {"swap_in_pages", or_null(now.swap_in_pages)},
          {"swap_out_pages", or_null(now.swap_out_pages)},
          {"refaults", or_null(now.refaults)},
          {"frequency_mhz", or_null(now.frequency_mhz)},
          {"temperature_c", or_null(now.temperature_c)},
          {"throttle_events", or_null(now.throttle_events)}};
}

std::string one_line(const Machine& machine) {
  const os::CpuInfo& cpu = machine.cpu;
  std::string line = fmt::format("{}, {} core{}, {}", cpu.model, cpu.physical_cores,
                                 cpu.physical_cores == 1 ? "" : "s", name(machine.isa));
  if (cpu.virtual_machine) {
    line += ", virtual machine";
    if (!cpu.hypervisor.empty()) line += fmt::format(" ({})", cpu.hypervisor);
  }
  return line;
}

}  // namespace ceiling::probe
