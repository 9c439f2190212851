#include "lab/planning/device_probe.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "engine/devices.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"
#include "os/interrupt.h"
#include "os/process.h"
#include "probe/distribution.h"

namespace ceiling::lab {
namespace {

constexpr double kMostSeconds = 120;

// What the child said on its way out, without the program's name.
std::string reason_of(const std::string& errors) {
  constexpr std::string_view kName = "ceiling: ";
  std::string text = errors.substr(0, errors.find_last_not_of("\r\n") + 1);
  text = text.substr(text.rfind('\n') + 1);
  if (text.starts_with(kName)) text = text.substr(kName.size());
  return text.empty() ? "it gave no reason" : printable(text, 400);
}

ExitCode code_of(int exit_code) {
  for (const ExitCode code : {ExitCode::usage, ExitCode::refused, ExitCode::interrupted}) {
    if (exit_code == static_cast<int>(code)) return code;
  }
  return ExitCode::failed;
}

}  // namespace

PlanDevice measure_device(std::string_view device) {
  constexpr int kReadings = 15;
  const auto unit = make_device(device, 0);
  PlanDevice found;
  found.device = device;
  found.name = unit->description();
  found.memory_bytes = free_own_memory(device).value_or(0);
  if (!unit->read_rate()) {
    fail(ExitCode::usage, "device '{}' does not read memory by itself: use cpu", device);
  }
  std::vector<double> rates;
  for (int i = 0; i < kReadings; ++i) {
    rates.push_back(unit->read_rate().value_or(BytesPerSecond{}).gb_per_s());
  }
  const probe::Distribution read(std::move(rates));
  found.read_gb_per_s = read.median();
  found.read_gb_per_s_range = {read.quantile(0.05), read.quantile(0.95)};
  if (const auto link = unit->link_rate()) found.link_gb_per_s = link->gb_per_s();
  return found;
}

PlanDevice measure_device_apart(const std::string& device) {
  const os::ProcessResult process =
      os::run_process({os::own_executable(), "trial", "--device", device}, {}, kMostSeconds);
  if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
  if (process.timed_out) {
    fail(ExitCode::failed, "device '{}' was not measured within {} s", device, kMostSeconds);
  }
  if (process.exit_code != 0) {
    fail(code_of(process.exit_code), "{}", reason_of(process.errors));
  }
  const nlohmann::json answer = parse_json(process.output, "the device's answer");
  return plan_device_from_json(Fields(answer, "the device's answer"));
}

}  // namespace ceiling::lab
