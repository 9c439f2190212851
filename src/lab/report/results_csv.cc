#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "lab/json/canonical_json.h"
#include "lab/report/report_formats.h"

namespace ceiling::lab {
namespace {

// RFC 4180: quoted where it must be.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

constexpr std::array<std::string_view, 5> kRecordColumns = {
    "copied_bytes", "copy_s", "spilled_bytes", "link_gb_per_s", "warm_up_s"};

std::string number(double value) { return canonical_number(value); }

std::string number(const std::optional<double>& value) {
  return value ? canonical_number(*value) : "";
}

// What another engine did not measure is empty.
std::string of_own_or_measured(const TrialResult& r, double value, double measured_s) {
  return r.engine.empty() || measured_s > 0 ? number(value) : "";
}

// Drawn over the trial's decode; empty: not counted.
std::string joules(const TrialResult& r, std::string_view what) {
  for (const DrawnEnergy& drawn : r.energy) {
    if (drawn.what == what) return number(drawn.joules);
  }
  return "";
}

// Further columns of a plan with devices besides the CPU; what a trial does not show is empty.
std::vector<std::string> device_columns(const Cell& cell, const TrialResult& r) {
  std::vector<std::string> columns = {cell.device, r.residency};
  const DeviceConditions seen = r.conditions.device.value_or(DeviceConditions{});
  for (const auto& [name, member] : kDeviceConditions) columns.push_back(number(seen.*member));
  if (!r.own_memory) {
    columns.resize(columns.size() + kRecordColumns.size());
    return columns;
  }
  const DeviceRecord& d = *r.own_memory;
  columns.push_back(number(static_cast<double>(d.copied_bytes)));
  columns.push_back(number(d.copy_s));
  columns.push_back(number(static_cast<double>(d.spilled_bytes)));
  columns.push_back(d.link_bytes_per_s ? number(*d.link_bytes_per_s / 1e9) : "");
  columns.push_back(number(d.warm_up_s));
  return columns;
}

std::vector<std::string> row_of(const ReportData& data, const TrialRecord& trial) {
  const Cell& cell = data.plan.cells[trial.cell];
  const TrialResult& r = trial.result;
  const TrialConditions& c = r.conditions;
  std::string excluded;
  for (const std::string& reason : trial.excluded)
    excluded += (excluded.empty() ? "" : "; ") + reason;
  return {fmt::format("{}", trial.slot.block + 1),
          fmt::format("{}", trial.slot.slot + 1),
          trial.slot.repeat ? "yes" : "no",
          cell.id,
          weights_label(cell),
          r.engine.empty() ? "ceiling" : r.engine,
          std::string(name(cell.work)),
          excluded,
          number(trial.wall_s),
          number(r.tokens_per_s()),
          r.probed() ? number(r.share()) : "",
          r.probed() ? number(r.probe_bytes_per_s() / 1e9) : "",
          number(r.bytes_per_token()),
          number(r.decoded_tokens()),
          of_own_or_measured(r, r.prompt_tokens / std::max(r.prefill_s, 1e-9), r.prefill_s),
          of_own_or_measured(r, r.first_token_s, r.first_token_s),
          of_own_or_measured(r, r.load_s, r.load_s),
          number(r.touch_s),
          number(static_cast<double>(r.resident_bytes)),
          number(c.steal_share),
          number(c.others_share),
          number(c.load_1min),
          number(c.major_faults),
          number(c.swap_in_pages),
          number(c.frequency_mhz),
          number(c.temperature_c),
          joules(r, "processor"),
          joules(r, "memory"),
          joules(r, "platform"),
          joules(r, "GPU")};
}

}  // namespace

std::string results_csv(const ReportData& data) {
  std::string out =
      "block,order,repeat,cell,weights,engine,work,excluded,wall_s,tokens_per_s,share_of_ceiling,"
      "memory_gb_per_s,bytes_per_token,decoded_tokens,prefill_tokens_per_s,first_token_s,load_s,"
      "touch_s,resident_bytes,steal_share,others_share,load_1min,major_faults,swap_in_pages,"
      "frequency_mhz,temperature_c,processor_j,memory_j,platform_j,gpu_j";
  const bool devices = has_devices(data.plan);
  if (devices) {
    out += ",device,residency";
    for (const auto& condition : kDeviceConditions)
      out += fmt::format(",device_{}", condition.name);
    for (const std::string_view name : kRecordColumns) out += fmt::format(",{}", name);
  }
  out += "\r\n";
  for (const TrialRecord& trial : data.state.trials) {
    std::string line;
    std::vector<std::string> row = row_of(data, trial);
    if (devices) {
      for (std::string& value : device_columns(data.plan.cells[trial.cell], trial.result)) {
        row.push_back(std::move(value));
      }
    }
    for (const std::string& value : row) {
      line += (line.empty() ? "" : ",") + field(value);
    }
    out += line + "\r\n";
  }
  return out;
}

}  // namespace ceiling::lab
