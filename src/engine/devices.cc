#include "engine/devices.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "base/isa.h"
#include "device/cpu/cpu_device.h"
#include "device/cuda/cuda_device.h"
#include "device/reference/reference_device.h"
#include "device/vulkan/vulkan_device.h"
#include "os/cpu.h"
#include "os/memory.h"

namespace ceiling {

std::vector<std::string_view> device_names() { return {"cpu", "cuda", "vulkan", "reference"}; }

std::unique_ptr<Device> make_device(std::string_view name, unsigned threads) {
  if (name == "reference") return make_reference_device();
  if (name == "cuda") return cuda::make_cuda_device({});
  if (name == "vulkan") return vulkan::make_vulkan_device({});
  if (name != "cpu") {
    fail(ExitCode::usage, "device '{}' is unknown: this build has {}", name,
         fmt::join(device_names(), ", "));
  }
  const std::size_t processors = os::cpu_info().usable.size();
  if (threads > processors) {
    fail(ExitCode::usage, "{} threads asked, but this process may use {} processor{}: ask for {}",
         threads, processors, processors == 1 ? "" : "s", processors);
  }
  cpu::CpuOptions options;
  options.threads = threads;
  options.isa = active_isa();
  return cpu::make_cpu_device(options);
}

namespace {

UnitBudget host_budget(std::string_view name) {
  UnitBudget host;
  host.unit = name;
  host.reads_mapping = true;
  host.memory_bytes = os::memory_info().total.value;
  return host;
}

// Of a device that is not the CPU.
UnitBudget device_budget(std::string_view name, const Program& program,
                         const CompileOptions& options, std::uint64_t device_memory) {
  UnitBudget device;
  device.unit = name;
  if (name == "cuda") {
    device.memory_bytes = cuda::free_memory({.number = 0, .memory_bytes = device_memory});
    device.workspace_bytes = cuda::workspace_bytes(program, options);
    device.window_pieces = cuda::window().pieces;
    device.window_bytes = cuda::window().bytes;
    return device;
  }
  const vulkan::Reach reach = vulkan::reach({.memory_bytes = device_memory});
  if (reach.reads_mapping) {
    device = host_budget(name);
    device.over_link = reach.over_link;
    return device;
  }
  device.memory_bytes = reach.memory_bytes;
  device.workspace_bytes = vulkan::workspace_bytes(program, options);
  return device;
}

}  // namespace

std::optional<std::uint64_t> free_own_memory(std::string_view name) {
  if (name == "cuda") return cuda::free_memory({});
  if (name != "vulkan") return std::nullopt;
  const vulkan::Reach reach = vulkan::reach({});
  return reach.reads_mapping ? std::nullopt : std::optional(reach.memory_bytes);
}

std::vector<UnitBudget> unit_budgets(std::string_view name, const Program& program,
                                     const CompileOptions& options, std::uint64_t device_memory) {
  UnitBudget device = host_budget(name);
  if (name == "cuda" || name == "vulkan") {
    device = device_budget(name, program, options, device_memory);
  }
  if (!device.reads_mapping) return {device, host_budget("cpu")};
  if (device_memory != 0) {
    fail(ExitCode::usage,
         "--device-memory limits a device with memory of its own; '{}' reads the model where it "
         "lies",
         name);
  }
  return {device};
}

}  // namespace ceiling
