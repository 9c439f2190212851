// Any bytes at all as a ledger. As a file: damage is named, the rest is read. As entries whose
// hashes hold, against a plan (the first line): what breaks the protocol is refused with
// ceiling::Error, and a run that comes to its end has figures, verdicts and tables.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "lab/analysis/replay.h"
#include "lab/charts/chart.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"
#include "lab/ledger/ledger.h"
#include "lab/report/report.h"
#include "lab/report/report_formats.h"

namespace {

using namespace ceiling::lab;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

void check_file(std::string_view text) {
  const LedgerCheck check = check_ledger(text);
  require(check.torn_bytes <= text.size());
  require(check.damages.empty() == describe(check.damages).empty());
  for (const LedgerEntry& entry : check.entries) require(entry.data.is_object());
}

std::vector<LedgerEntry> entries_of(std::string_view text) {
  std::vector<LedgerEntry> entries;
  while (!text.empty()) {
    const nlohmann::json value = parse_json(take_line(text), "fuzz");
    const Fields fields(value, "fuzz");
    LedgerEntry entry;
    entry.index = entries.size();
    entry.type = fields.text("type");
    entry.wall_s = fields.number("time", 0, 1e12);
    entry.data = fields.object("data").value();
    entries.push_back(std::move(entry));
  }
  return entries;
}

void replay_run(std::string_view text) {
  const nlohmann::json value = parse_json(take_line(text), "plan");
  const Plan plan = plan_from_json(value, "plan");
  if (plan.trials(plan.blocks) > 64 || !plan.extensions.empty()) return;  // too slow to be of use
  const std::vector<LedgerEntry> entries = entries_of(text);
  const Replay state = replay(entries, plan);
  for (const TrialRecord& trial : state.trials) {
    const nlohmann::json written = to_json(trial.result);
    require(to_json(trial_from_json(Fields(written, "written"))) == written);
  }
  if (!state.finished()) return;
  // What the report is made of, less the claims, whose resampling of published rows takes seconds.
  const ReportData data = gather(plan, entries);
  results_csv(data);
  for (const Table& table : {speed_table(data), clock_table(data), energy_table(data),
                             block_table(data), event_table(data), model_table(data)}) {
    for (const auto& row : table.rows) require(row.size() == table.header.size());
  }
  require(hypothesis_texts(data).size() == plan.hypotheses.size());
  speed_chart(data);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_file(text);
  try {
    replay_run(text);
  } catch (const ceiling::Error&) {  // refused: as good
    return 0;
  }
  return 0;
}
