#include "cli/device_measurement.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "cli/measured_ceiling.h"
#include "device/vulkan/vulkan_device.h"
#include "engine/devices.h"
#include "os/cpu.h"
#include "probe/measure.h"

namespace ceiling::cli {
namespace {

// The start of what a device says of itself, without the commas of its name's own brackets.
std::string short_description(const std::string& whole) {
  const std::size_t bracket = whole.find(')');
  return whole.substr(0, whole.find(',', bracket == std::string::npos ? 0 : bracket));
}

bool is_software(std::string_view name) {
  if (name != "vulkan") return false;
  const auto units = vulkan::units();
  return !units.empty() && units.front().kind == vulkan::UnitKind::processor;
}

bool holds(std::string_view name, const Model& model, const SessionOptions& options) {
  CompileOptions compile;
  compile.max_rows = std::max(options.batch_rows, options.sequences);
  const Program& program = model.program();
  const std::uint32_t context =
      options.context == 0 ? std::min(program.context_limit, 4096U) : options.context;
  return place(program, unit_budgets(name, program, compile, options.device_memory), context,
               options.sequences, options.kv, Phase::decode)
             .spilled_bytes == 0;
}

// Empty: it is not there.
std::optional<DeviceCandidate> measured(std::string_view name, const Model& model,
                                        const SessionOptions& options) {
  try {
    DeviceCandidate out;
    out.device = name;
    out.software = is_software(name);
    const auto device = make_device(name, 0);
    out.description = short_description(device->description());
    if (out.software) return out;
    std::vector<double> rates;
    for (int i = 0; i < 5; ++i)
      rates.push_back(device->read_rate().value_or(BytesPerSecond{}).value);
    std::ranges::sort(rates);
    out.reads = {rates[rates.size() / 2]};
    out.holds_model = holds(name, model, options);
    return out;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

BytesPerSecond host_read_rate(const Model& model) {
  constexpr std::size_t kEnough = std::size_t{2} << 30;  // far beyond the caches
  const std::span<const std::byte> pool = model.weights()->pool();
  const std::span<const std::byte> region = pool.first(std::min(pool.size(), kEnough));
  probe::touch(region, os::default_threads());
  return measure_ceiling(region);
}

DeviceChoice measure_and_choose(const Model& model, const SessionOptions& options) {
  std::vector<DeviceCandidate> candidates;
  for (const std::string_view name : device_names()) {
    if (name == "cpu" || name == "reference") continue;
    if (auto candidate = measured(name, model, options))
      candidates.push_back(std::move(*candidate));
  }
  const std::span<const std::byte> mapping = model.weights()->pool();
  probe::touch(mapping, os::default_threads());
  return choose_device(measure_ceiling(mapping), candidates);
}

}  // namespace ceiling::cli
