// The report's tables: what HTML, Markdown and screen readers share.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {
namespace {

// Percentages of little: one decimal says enough.
std::string shown_little(double percent) { return fmt::format("{:.1f}", percent); }

std::string optional_percent(const std::optional<double>& share) {
  return share ? shown_little(100 * *share) + " %" : "not shown";
}

std::string interval_text(const fit::Interval& interval) {
  return shown_range(interval.low, interval.high);
}

bool inside(const std::optional<fit::Interval>& interval, double value) {
  return interval && value >= interval->low && value <= interval->high;
}

std::string hit_text(const CellPrediction& prediction, double value) {
  if (!prediction.p80) {
    return fmt::format("{:+.0f} %", 100 * (value / prediction.median - 1));
  }
  if (inside(prediction.p80, value)) return "inside 80 %";
  return inside(prediction.p95, value) ? "inside 95 %" : "missed";
}

std::string milliseconds(double seconds) { return shown(seconds * 1e3); }

}  // namespace

Table control_table(const ReportData& data) {
  Table table{
      {"Control", "Must come out as", "Came out as", "Bandwidth (90 %)", "Arithmetic (90 %)"},
      {},
      3};
  const auto add = [&](const std::string& what, Bound expected,
                       const std::optional<TreatedFigures>& figures) {
    if (!figures) return;
    const auto text = [](const Estimate& e) {
      return fmt::format("{:.2f} ({:.2f}–{:.2f})", e.value, e.low, e.high);
    };
    table.rows.push_back({what, std::string(name(expected)), std::string(name(figures->bound)),
                          text(figures->decides.bandwidth), text(figures->decides.compute)});
  };
  add("arithmetic repeated eightfold", Bound::compute, data.analysis.judgement.compute_control);
  add("a model shrunk to nothing", Bound::overhead, data.analysis.judgement.overhead_control);
  if (const auto& treated = data.analysis.judgement.treated; treated && treated->added) {
    const bool reached = reached_memory(*treated->added, data.plan.thresholds);
    table.rows.push_back(
        {fmt::format("bytes added up to {} times", shown(1 + treated->added->until)),
         "read from memory", reached ? "read from memory" : "not shown to be", "–", "–"});
  }
  add_device_controls(data, table);
  return table;
}

Table pair_table(const ReportData& data) {
  Table table{{"Model", "Smaller", "Larger", "Weights", "Bytes, times", "Speed, times (95 %)",
               "p of equal speed (Holm)"},
              {},
              4};
  for (const TypeRatio& ratio : data.analysis.type_ratios) {
    if (ratio.speed.n == 0) continue;
    const Cell& smaller = data.plan.cells[ratio.smaller];
    table.rows.push_back({smaller.size + device_suffix(smaller), smaller.type,
                          data.plan.cells[ratio.larger].type, weights_label(smaller),
                          shown(ratio.bytes), shown(ratio.speed),
                          ratio.p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", ratio.p)});
  }
  return table;
}

Table precision_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "Share differs between blocks by", "Blocks for ±2 %",
               "Tokens a process, best", "Tokens a process, here"},
              {},
              2};
  for (const CellFigures& f : data.analysis.cells) {
    const Cell& cell = data.plan.cells[f.cell];
    const Precision& p = f.precision;
    if (p.blocks_for_2 == 0) continue;
    table.rows.push_back({cell.title(), weights_label(cell),
                          shown_little(100 * p.between_blocks) + " %",
                          fmt::format("{}", p.blocks_for_2), fmt::format("{}", p.best_tokens),
                          fmt::format("{}", p.tokens)});
  }
  return table;
}

Table clock_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "Load from cold, s", "Load, pages in memory, s",
               "Prefill, tokens/s", "First token, s", "Decode, tokens/s"},
              {},
              2};
  for (const CellFigures& f : data.analysis.cells) {
    const Cell& cell = data.plan.cells[f.cell];
    const auto cold = std::find_if(data.analysis.cold_loads.begin(), data.analysis.cold_loads.end(),
                                   [&](const ColdLoad& load) {
                                     const Cell& other = data.plan.cells[load.cell];
                                     return other.size == cell.size && other.type == cell.type &&
                                            other.device == cell.device;
                                   });
    table.rows.push_back({cell.title(), weights_label(cell),
                          cold != data.analysis.cold_loads.end() ? shown(cold->load_s) : "–",
                          shown(f.load_s), shown(f.prefill_tokens_per_s), shown(f.first_token_s),
                          shown(f.tokens_per_s)});
  }
  return table;
}

Table speed_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "Decode, tokens/s (95 %)", "Ceiling, tokens/s",
               "Share of ceiling", "By bootstrap", "Memory, GB/s", "MB a token"},
              {},
              2};
  for (const CellFigures& f : data.analysis.cells) {
    const Cell& cell = data.plan.cells[f.cell];
    table.rows.push_back({cell.title(), weights_label(cell), shown(f.tokens_per_s),
                          shown(f.ceiling_tokens_per_s()), shown_percent(f.share),
                          shown_percent(f.share_bootstrap), shown(f.probe_gb_per_s),
                          shown(f.bytes_per_token / 1e6)});
  }
  return table;
}

Table prediction_table(const ReportData& data) {
  Table table{
      {"Cell", "Weights", "Said by", "Predicted, tokens/s", "80 %", "95 %", "Measured", "Result"},
      {},
      3};
  for (const CellPrediction& p : data.plan.predictions) {
    const CellFigures* figures = data.analysis.find(data.plan, p.cell);
    const Cell& cell = *data.plan.find(p.cell);
    table.rows.push_back({cell.title(), weights_label(cell), p.by, shown(p.median),
                          p.p80 ? interval_text(*p.p80) : "none given",
                          p.p95 ? interval_text(*p.p95) : "none given",
                          figures != nullptr ? shown(figures->tokens_per_s) : "not measured",
                          figures != nullptr ? hit_text(p, figures->tokens_per_s.value) : "–"});
  }
  return table;
}

Table time_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "A token, ms", "Bytes at the ceiling, ms",
               "Matrices beyond it, ms", "Attention, ms", "Everything else, ms"},
              {},
              2};
  for (const CellFigures& f : data.analysis.cells) {
    const Cell& cell = data.plan.cells[f.cell];
    const TokenTime& t = f.token_time;
    table.rows.push_back({cell.title(), weights_label(cell), milliseconds(t.all_s()),
                          milliseconds(t.at_ceiling_s), milliseconds(t.matrices_beyond_s),
                          milliseconds(t.attention_s), milliseconds(t.other_s)});
  }
  return table;
}

Table block_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "Block", "When, s", "tokens/s", "Share", "Memory, GB/s",
               "Other processes", "Steal", "Counts"},
              {},
              2};
  for (const TrialRecord& trial : data.state.trials) {
    const Cell& cell = data.plan.cells[trial.cell];
    const TrialResult& r = trial.result;
    table.rows.push_back(
        {cell.title(), weights_label(cell), fmt::format("{}", trial.slot.block + 1),
         fmt::format("{:.0f}", trial.wall_s - data.state.started_wall_s), shown(r.tokens_per_s()),
         r.probed() ? fmt::format("{:.1f} %", 100 * r.share()) : "–",
         shown(r.probe_bytes_per_s() / 1e9), optional_percent(shown_others_share(r.conditions)),
         optional_percent(r.conditions.steal_share), trial.excluded.empty() ? "yes" : "excluded"});
  }
  return table;
}

Table event_table(const ReportData& data) {
  Table table{{"When", "What"}, {}, 2};
  std::vector<std::pair<double, std::string>> events;
  for (const TrialRecord& trial : data.state.trials) {
    if (trial.excluded.empty()) continue;
    events.emplace_back(
        trial.wall_s,
        fmt::format("trial of {} in block {} excluded: {}", data.plan.cells[trial.cell].id,
                    trial.slot.block + 1, fmt::join(trial.excluded, "; ")));
  }
  for (const Aborted& abort : data.state.aborts) {
    events.emplace_back(
        abort.wall_s,
        fmt::format("trial of {} in block {} ended without a result: {}",
                    data.plan.cells[abort.cell].id, abort.slot.block + 1, abort.reason));
  }
  for (const Note& note : data.state.notes) events.emplace_back(note.wall_s, note.text);
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [when, what] : events) table.rows.push_back({shown_time(when), what});
  return table;
}

Table model_table(const ReportData& data) {
  Table table{{"Cell", "Weights", "File", "SHA-256", "Size"}, {}, 4};
  for (const ModelFile& file : data.state.models) {
    const Cell* cell = data.plan.find(file.cell);
    table.rows.push_back({file.cell, cell != nullptr ? weights_label(*cell) : "–", file.name,
                          file.sha256, format_capacity({file.bytes})});
  }
  return table;
}

}  // namespace ceiling::lab
