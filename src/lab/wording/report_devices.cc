// What the report says of devices besides the CPU.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "base/units.h"
#include "lab/analysis/device_controls.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {
namespace {

using Of = std::function<std::optional<double>(const DeviceRecord&)>;

// "15.2", "15.1–15.4"; "–" where there are none.
std::string range_of(const std::vector<double>& values) {
  if (values.empty()) return "–";
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return shown(*least) == shown(*most) ? shown(*most) : shown_range(*least, *most);
}

// Of all trials of a cell.
std::string over_trials(const ReportData& data, std::size_t cell, const Of& of) {
  std::vector<double> values;
  for (const TrialRecord& trial : data.state.trials) {
    if (trial.cell != cell || !trial.result.own_memory) continue;
    if (const auto value = of(*trial.result.own_memory)) values.push_back(*value);
  }
  return range_of(values);
}

std::string over_trials(const ReportData& data, std::size_t cell,
                        std::optional<double> DeviceConditions::* member, double scale = 1) {
  std::vector<double> values;
  for (const TrialRecord& trial : data.state.trials) {
    const auto& seen = trial.result.conditions.device;
    if (trial.cell != cell || !seen) continue;
    if (const auto& value = (*seen).*member) values.push_back(scale * *value);
  }
  return range_of(values);
}

std::string residency(const ReportData& data, std::size_t cell) {
  for (const TrialRecord& trial : data.state.trials) {
    if (trial.cell == cell) return trial.result.residency;
  }
  return "–";
}

bool measured(const ReportData& data, std::size_t cell) {
  return std::any_of(data.state.trials.begin(), data.state.trials.end(),
                     [&](const TrialRecord& trial) { return trial.cell == cell; });
}

}  // namespace

Table device_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "Residency", "Copied, GB", "Copied at, GB/s",
               "Left to the CPU, GB", "Link, GB/s", "Warm-up, s"},
              {},
              3};
  for (std::size_t i = 0; i < data.plan.cells.size(); ++i) {
    const Cell& cell = data.plan.cells[i];
    if (cell.on_cpu() || !measured(data, i)) continue;
    const auto column = [&](const Of& of) { return over_trials(data, i, of); };
    table.rows.push_back(
        {cell.title(), weights_label(cell), residency(data, i), column([](const DeviceRecord& r) {
           return std::optional(static_cast<double>(r.copied_bytes) / 1e9);
         }),
         column([](const DeviceRecord& r) {
           return r.copy_s > 0 ? std::optional(static_cast<double>(r.copied_bytes) / r.copy_s / 1e9)
                               : std::nullopt;
         }),
         column([](const DeviceRecord& r) {
           return std::optional(static_cast<double>(r.spilled_bytes) / 1e9);
         }),
         column([](const DeviceRecord& r) {
           return r.link_bytes_per_s ? std::optional(*r.link_bytes_per_s / 1e9) : std::nullopt;
         }),
         column([](const DeviceRecord& r) { return std::optional(r.warm_up_s); })});
  }
  return table;
}

Table spilled_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "Left to the CPU, GB a token", "Decode, tokens/s (95 %)",
               "All on the device, tokens/s", "Times slower (95 %)", "By the two memories"},
              {},
              2};
  for (const SpilledFigures& figures : data.analysis.spilled) {
    const Cell& cell = data.plan.cells[figures.cell];
    const double all = figures.left_bytes + figures.own_bytes;
    table.rows.push_back(
        {cell.title(), weights_label(cell),
         fmt::format("{} of {}", shown(figures.left_bytes / 1e9), shown(all / 1e9)),
         shown(figures.tokens_per_s), shown(figures.resident_per_s.value),
         shown(figures.times_slower), shown(figures.times_by_memory)});
  }
  return table;
}

std::string spilled_note() {
  return "What does not fit the device’s memory is left to the CPU, which reads it from the host’s "
         "memory at every token. “By the two memories”: how much slower that would be if each of "
         "these bytes took its time in that memory in place of the device’s, and nothing else did.";
}

Table device_condition_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "Clock, MHz", "Least of it", "At most", "Memory clock, MHz",
               "Hottest, °C", "Power, W", "Slowed down, % of looks", "Power limit, % of looks",
               "Memory errors", "Other processes"},
              {},
              2};
  using C = DeviceConditions;
  for (std::size_t i = 0; i < data.plan.cells.size(); ++i) {
    const Cell& cell = data.plan.cells[i];
    const bool seen = std::any_of(data.state.trials.begin(), data.state.trials.end(),
                                  [&](const TrialRecord& trial) {
                                    return trial.cell == i && trial.result.conditions.device;
                                  });
    if (!seen) continue;
    const auto column = [&](std::optional<double> C::* member, double scale = 1) {
      return over_trials(data, i, member, scale);
    };
    table.rows.push_back(
        {cell.title(), weights_label(cell), column(&C::clock_mhz), column(&C::least_clock_mhz),
         column(&C::most_clock_mhz), column(&C::memory_clock_mhz), column(&C::temperature_c),
         column(&C::power_w), column(&C::slowed_share, 100), column(&C::power_cap_share, 100),
         column(&C::uncorrected_errors), column(&C::other_processes)});
  }
  return table;
}

std::string device_note(const ReportData& data) {
  if (device_table(data).rows.empty()) return {};
  return "A device’s share is of what it read of its own memory between tokens, never of the "
         "CPU’s. "
         "Copying the weights has a clock of its own and is part of the load; the link was read in "
         "each trial, from pinned memory of the host. One prompt and some steps went before every "
         "clock: a device loads its kernels on first use.";
}

void add_device_controls(const ReportData& data, Table& controls) {
  const Judgement& j = data.analysis.judgement;
  const Thresholds& t = data.plan.thresholds;
  if (data.plan.tested_device() == kCpu) return;
  if (j.overhead_types) {
    const Estimate& slope = j.overhead_types->decides.slope;
    controls.rows.push_back(
        {fmt::format("a model shrunk to nothing, in {} types", j.overhead_types->types.size()),
         fmt::format("time follows no bytes: slope below {:.2f}", t.bandwidth_refuted_below),
         fmt::format("slope {:.2f} ({:.2f}–{:.2f}, 90 %): {}", slope.value, slope.low, slope.high,
                     follows_no_bytes(*j.overhead_types, t) ? "it follows none" : "not shown"),
         "–", "–"});
  }
  if (j.fills) {
    controls.rows.push_back(
        {"budgets below the working set", "weights left to the CPU at these alone, and slower",
         budgets_took_effect(*j.fills, t) ? "so they were" : "not shown", "–", "–"});
  }
}

void add_device_rows(const ReportData& data, Table& machine) {
  for (const PlanDevice& device : data.plan.machine.devices) {
    const auto what = [&](std::string_view text) {
      return fmt::format("Device {}: {}", device.device, text);
    };
    machine.rows.push_back({what("what it is"), device.name});
    if (device.memory_bytes > 0) {
      machine.rows.push_back(
          {what("memory free before the run"), format_capacity({device.memory_bytes})});
    }
    machine.rows.push_back({what("memory read before the run"),
                            fmt::format("{} GB/s ({})", shown(device.read_gb_per_s),
                                        shown_range(device.read_gb_per_s_range.low,
                                                    device.read_gb_per_s_range.high))});
    if (device.link_gb_per_s) {
      machine.rows.push_back({what("link before the run, pinned host memory to it"),
                              fmt::format("{} GB/s", shown(*device.link_gb_per_s))});
    }
  }
}

}  // namespace ceiling::lab
