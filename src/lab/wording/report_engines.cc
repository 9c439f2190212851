// What the report says of other engines.
#include <fmt/format.h>

#include <algorithm>

#include "lab/wording/report_text.h"

namespace ceiling::lab {
namespace {

std::string shown_or_missing(const std::optional<Estimate>& estimate) {
  return estimate ? shown(*estimate) : "–";
}

std::string shown_or_missing(const std::optional<double>& value) {
  return value ? shown(*value) : "–";
}

std::string engine_name(const ReportData& data, const EngineFigures& f) {
  const auto found = data.engine_sha256.find(data.plan.cells[f.cell].id);
  if (found == data.engine_sha256.end()) return f.engine;
  return fmt::format("{}, program {}…", f.engine, found->second.substr(0, 12));
}

}  // namespace

Table engine_table(const ReportData& data) {
  Table table{
      {"Cell", "Weights", "Engine", "tokens/s", "Share of the ceiling", "Speed over this program’s",
       "Share over this program’s", "p (Holm)", "Prefill, tokens/s", "First token, s", "Load, s"},
      {},
      3};
  for (const EngineFigures& f : data.analysis.engines) {
    const Cell& cell = data.plan.cells[f.cell];
    table.rows.push_back({cell.title(), weights_label(cell), engine_name(data, f),
                          shown(f.tokens_per_s), f.share ? shown_percent(*f.share) : "–",
                          shown_or_missing(f.speed_ratio), shown_or_missing(f.share_ratio),
                          f.speed_ratio ? fmt::format("{:.3f}", f.p) : "–",
                          shown_or_missing(f.prefill_tokens_per_s),
                          shown_or_missing(f.first_token_s), shown_or_missing(f.load_s)});
  }
  return table;
}

std::vector<std::string> engine_notes(const ReportData& data) {
  std::vector<std::string> notes;
  for (const EngineFigures& f : data.analysis.engines) {
    std::string note = data.plan.cells[f.cell].title() + ": ";
    for (const std::string& what : f.missing) {
      note += (what == f.missing.front() ? "" : "; ") + what;
    }
    if (!f.missing.empty()) notes.push_back(std::move(note));
  }
  return notes;
}

std::vector<std::string> engine_sentences(const ReportData& data) {
  std::vector<std::string> sentences;
  for (const EngineFigures& f : data.analysis.engines) {
    std::string text =
        fmt::format("{}: {} tokens/s", data.plan.cells[f.cell].title(), shown(f.tokens_per_s));
    if (f.speed_ratio) {
      const bool different = f.p < 0.05;
      text += fmt::format(", {} times this program’s speed in the same blocks{}",
                          shown(*f.speed_ratio), different ? "" : "; not shown to be different");
    }
    if (data.plan.cells[f.cell].synthetic()) text += " (synthetic weights: speed only)";
    sentences.push_back(std::move(text));
  }
  return sentences;
}

}  // namespace ceiling::lab
