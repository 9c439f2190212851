#include "lab/trial/device_watch.h"

#include <algorithm>
#include <utility>

#include "lab/statistics/statistics.h"

namespace ceiling::lab {
namespace {

using os::GpuState;

// What the looks show of one quantity; empty: nothing.
template <typename Value>
std::vector<double> shown_by(const std::vector<GpuState>& looks,
                             std::optional<Value> GpuState::* member) {
  std::vector<double> values;
  for (const GpuState& look : looks) {
    if (look.*member) values.push_back(static_cast<double>(*(look.*member)));
  }
  return values;
}

std::optional<double> mean_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return mean(values);
}

std::optional<double> least_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return *std::min_element(values.begin(), values.end());
}

std::optional<double> most_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return *std::max_element(values.begin(), values.end());
}

std::optional<double> more_than(const std::optional<std::uint64_t>& before,
                                const std::optional<std::uint64_t>& after) {
  if (!before || !after) return std::nullopt;
  return *after > *before ? static_cast<double>(*after - *before) : 0.0;
}

// Those that were there before us, and those that came: one more than before are we. (Where the
// library does not tell of us, as in some containers, one that comes is taken for us.)
std::optional<double> others_of(const GpuState& before, const std::vector<GpuState>& looks) {
  const auto most = most_of(shown_by(looks, &GpuState::processes));
  if (!before.processes || !most) return std::nullopt;
  const auto at_first = static_cast<double>(*before.processes);
  return std::max(at_first, *most - 1);
}

}  // namespace

DeviceWatch::DeviceWatch(std::vector<std::unique_ptr<os::Gpu>> gpus) : gpus_(std::move(gpus)) {
  for (const auto& gpu : gpus_) before_.push_back(gpu->state());
}

bool DeviceWatch::choose(const std::string& bus_address) {
  for (std::size_t i = 0; i < gpus_.size(); ++i) {
    if (!os::same_bus_address(gpus_[i]->bus_address(), bus_address)) continue;
    chosen_ = std::move(gpus_[i]);
    at_first_ = before_[i];
    gpus_.clear();
    return true;
  }
  return false;
}

void DeviceWatch::look() {
  if (chosen_) looks_.push_back(chosen_->state());
}

std::optional<DeviceConditions> DeviceWatch::seen() const {
  if (looks_.empty()) return std::nullopt;
  const GpuState& last = looks_.back();
  DeviceConditions seen;
  const std::vector<double> clocks = shown_by(looks_, &GpuState::clock_mhz);
  seen.clock_mhz = mean_of(clocks);
  seen.least_clock_mhz = least_of(clocks);
  seen.most_clock_mhz = last.most_clock_mhz;
  seen.memory_clock_mhz = mean_of(shown_by(looks_, &GpuState::memory_clock_mhz));
  seen.temperature_c = most_of(shown_by(looks_, &GpuState::temperature_c));
  seen.power_w = mean_of(shown_by(looks_, &GpuState::power_w));
  seen.slowed_share = mean_of(shown_by(looks_, &GpuState::slowed_down));
  seen.power_cap_share = mean_of(shown_by(looks_, &GpuState::power_capped));
  seen.corrected_errors = more_than(at_first_.corrected_errors, last.corrected_errors);
  seen.uncorrected_errors = more_than(at_first_.uncorrected_errors, last.uncorrected_errors);
  seen.other_processes = others_of(at_first_, looks_);
  return seen;
}

std::vector<os::EnergyMeter> DeviceWatch::meters(std::vector<os::EnergyMeter> all) const {
  if (!chosen_) return all;
  std::erase_if(all, [](const os::EnergyMeter& meter) { return meter.what == "GPU"; });
  if (chosen_->joules()) all.push_back({"GPU", [gpu = chosen_] { return gpu->joules(); }, 0});
  return all;
}

}  // namespace ceiling::lab
