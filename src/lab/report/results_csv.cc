#include <fmt/format.h>

#include <algorithm>

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
      "frequency_mhz,temperature_c,processor_j,memory_j,platform_j,gpu_j\r\n";
  for (const TrialRecord& trial : data.state.trials) {
    std::string line;
    for (const std::string& value : row_of(data, trial)) {
      line += (line.empty() ? "" : ",") + field(value);
    }
    out += line + "\r\n";
  }
  return out;
}

}  // namespace ceiling::lab
