#include "os/energy.h"

#include <algorithm>

#include "os/linux/energy_trees.h"
#include "os/linux/nvml.h"
#include "os/linux/text.h"

namespace ceiling::os {
namespace {

namespace fs = std::filesystem;

// What a zone of this name counts; empty: a part of another zone (core, uncore).
std::string what_of(const std::string& zone) {
  if (zone.starts_with("package")) return "processor";
  if (zone == "dram") return "memory";
  if (zone == "psys") return "platform";
  return {};
}

}  // namespace

// Documentation/power/powercap/powercap.rst: energy_uj counts microjoules up to max_energy_range_uj
// and begins anew. Zones of another interface to the same counters ("intel-rapl-mmio") are left
// out; AMD's processors have "intel-rapl" zones too.
std::vector<EnergyMeter> rapl_meters(const fs::path& root) {
  std::vector<fs::path> zones;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root / "sys/class/powercap", error)) {
    if (entry.path().filename().string().starts_with("intel-rapl:")) zones.push_back(entry.path());
  }
  std::sort(zones.begin(), zones.end());
  std::vector<EnergyMeter> meters;
  for (const fs::path& zone : zones) {
    const std::string what = what_of(read_text(zone / "name").value_or(""));
    if (what.empty() || !read_number(zone / "energy_uj")) continue;
    EnergyMeter meter;
    meter.what = what;
    meter.wraps_at =
        1e-6 * static_cast<double>(read_number(zone / "max_energy_range_uj").value_or(0));
    meter.joules = [file = zone / "energy_uj"]() -> std::optional<double> {
      const auto count = read_number(file);
      if (!count) return std::nullopt;
      return 1e-6 * static_cast<double>(*count);
    };
    meters.push_back(std::move(meter));
  }
  return meters;
}

std::vector<EnergyMeter> energy_meters() {
  std::vector<EnergyMeter> meters = rapl_meters("/");
  for (EnergyMeter& gpu : nvml_meters(kNvml)) meters.push_back(std::move(gpu));
  return meters;
}

}  // namespace ceiling::os
