#include "engine/devices.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "base/isa.h"
#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"
#include "os/cpu.h"

namespace ceiling {

std::vector<std::string_view> device_names() { return {"cpu", "reference"}; }

std::unique_ptr<Device> make_device(std::string_view name, unsigned threads) {
  if (name == "reference") return make_reference_device();
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

}  // namespace ceiling
