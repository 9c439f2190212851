// The report's tables: what HTML, Markdown and screen readers share.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/units.h"
#include "lab/ledger/earlier_lab.h"
#include "lab/wording/claims.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {
namespace {

// Percentages of little: one decimal says enough.
std::string shown_little(double percent) { return fmt::format("{:.1f}", percent); }

std::string optional_percent(const std::optional<double>& share) {
  return share ? shown_little(100 * *share) + " %" : "not shown";
}

// The least and the largest of something over all trials: "41.2–44.0 °C".
template <typename Get>
std::string range_text(const Replay& state, const Get& get, std::string_view unit,
                       std::string (*text)(double) = &shown) {
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (const TrialRecord& trial : state.trials) {
    const std::optional<double> value = get(trial.result);
    if (!value) continue;
    least = std::min(least, *value);
    most = std::max(most, *value);
  }
  if (least > most) return "not shown";
  if (text(least) == text(most)) return fmt::format("{}{}", text(most), unit);
  return fmt::format("{}–{}{}", text(least), text(most), unit);
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

std::string depths(const Plan& plan) {
  std::string text;
  for (const Cell& cell : plan.cells) {
    const std::string one =
        fmt::format("prompt {}, then {}–{} tokens (at most {} s)", cell.prompt_tokens,
                    cell.least_tokens, cell.most_tokens, shown(cell.most_decode_s));
    if (text.find(one) == std::string::npos) text += (text.empty() ? "" : "; ") + one;
  }
  return text;
}

// What the trials say of themselves, each different text once.
std::string distinct(const Replay& state, std::string TrialResult::* member) {
  std::string text;
  for (const TrialRecord& trial : state.trials) {
    const std::string& one = trial.result.*member;
    if (text.find(one) == std::string::npos) text += (text.empty() ? "" : "; ") + one;
  }
  return text;
}

std::string_view mark(ClaimOutcome outcome) {
  switch (outcome) {
    case ClaimOutcome::supported:
      return "●";
    case ClaimOutcome::refuted:
      return "✕";
    case ClaimOutcome::undecided:
      return "◐";
    default:
      return "○";
  }
}

// How the trials came to their speed, by changepoints in the times of their tokens.
std::string warmups(const ReportData& data) {
  std::map<Warmup, std::size_t> counts;
  for (const CellFigures& f : data.analysis.cells) {
    for (const auto& [warmup, trials] : f.warmups) counts[warmup] += trials;
  }
  std::string text;
  for (const auto& [warmup, trials] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "trials: " : ", ", trials, name(warmup));
  }
  return text;
}

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
  return table;
}

Table claim_table(const ReportData& data) {
  Table table{{"Claim", "Evidence", "Verdict", "Because"}, {}, 4};
  for (const JudgedClaim& claim : judge_claims(data.plan, data.analysis)) {
    table.rows.push_back({claim.claim, claim.evidence,
                          fmt::format("{} {}", mark(claim.outcome), name(claim.outcome)),
                          claim.because});
  }
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
    table.rows.push_back({smaller.size, smaller.type, data.plan.cells[ratio.larger].type,
                          weights_label(smaller), shown(ratio.bytes), shown(ratio.speed),
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
                                     return other.size == cell.size && other.type == cell.type;
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
         shown(r.probe_bytes_per_s() / 1e9), optional_percent(r.conditions.others_share),
         optional_percent(r.conditions.steal_share), trial.excluded.empty() ? "yes" : "excluded"});
  }
  return table;
}

Table confounder_table(const ReportData& data) {
  const Replay& state = data.state;
  const auto maximum = [&](std::optional<double> TrialConditions::* member, std::string_view unit) {
    return range_text(state, [&](const TrialResult& t) { return t.conditions.*member; }, unit);
  };
  const auto cached_before = [&](Work work) {
    const auto get = [&](const TrialResult& t) {
      const Cell* cell = data.plan.find(t.cell);
      const bool of_work = cell != nullptr && cell->work == work;
      return of_work ? std::optional(100 * t.cached_share) : std::nullopt;
    };
    return range_text(state, get, " %", &shown_little);
  };
  std::string cache = fmt::format("pages touched before every clock ({} cached before)",
                                  cached_before(Work::decode));
  if (!data.analysis.cold_loads.empty()) {
    cache += fmt::format("; cold cells: evicted, {} left", cached_before(Work::cold_load));
  }
  const bool alone = data.analysis.engines.empty();
  const auto own = [&](const std::string& text) {
    return alone ? text : text + " (of other engines: see there)";
  };
  Table table{{"Must agree", "In this run", "How"}, {}, 3};
  table.rows = {
      {"Model file and its bytes by type",
       fmt::format("every file hashed (below){}",
                   state.models_same ? ", before the first trial and after the last" : ""),
       "controlled"},
      {"Tokenizer", own("fixed token numbers, no text; speeds are compared within a model only"),
       "controlled"},
      {"Prompt, depth, generated length, KV type", depths(data.plan) + "; KV in float16",
       "controlled"},
      {"Batch and concurrency", "one stream", "controlled"},
      {"Residency of every tensor", distinct(state, &TrialResult::residency), "recorded"},
      {"Engine, build, backend",
       fmt::format("ceiling {}, program {}…; {}", state.program_version,
                   state.program_sha256.substr(0, 12), distinct(state, &TrialResult::device)),
       "recorded"},
      {"Threads and placement",
       own(fmt::format("{} threads, each pinned to a core", data.plan.machine.threads)),
       "controlled"},
      {"Power, heat, clocks",
       fmt::format("power profile {}; frequency {}; temperature {}",
                   data.power_profile.empty() ? "not shown" : data.power_profile,
                   maximum(&TrialConditions::frequency_mhz, " MHz"),
                   maximum(&TrialConditions::temperature_c, " °C")),
       "recorded"},
      {"Page cache, memory pressure, swap",
       fmt::format("{}; major faults {}, pages swapped in {}", cache,
                   maximum(&TrialConditions::major_faults, ""),
                   maximum(&TrialConditions::swap_in_pages, "")),
       "controlled"},
      {"Order and warm-up",
       fmt::format("order drawn from seed {}; each trial a fresh process; every token kept; {}",
                   data.plan.seed, warmups(data)),
       "controlled"},
      {"Sampling", own("greedy, inside the clock"), "controlled"},
      {"Speculative decoding", "off", "controlled"},
      {"Statistic",
       fmt::format(
           "mean over {} blocks on a logarithmic scale, t interval; no best-of, no rerun for "
           "its number",
           data.plan.blocks),
       "controlled"},
  };
  return table;
}

Table machine_table(const ReportData& data) {
  const PlanMachine& m = data.plan.machine;
  const auto condition = [&](std::optional<double> TrialConditions::* member,
                             std::string_view unit) {
    return range_text(data.state, [&](const TrialResult& t) { return t.conditions.*member; }, unit);
  };
  const auto percent = [&](std::optional<double> TrialConditions::* member) {
    const auto get = [&](const TrialResult& t) {
      const auto& share = t.conditions.*member;
      return share ? std::optional(100 * *share) : std::nullopt;
    };
    return range_text(data.state, get, " %", &shown_little);
  };
  Table table{{"What", "Value"}, {}, 2};
  table.rows = {
      {"Processor", m.cpu},
      {"System", fmt::format("{}, kernel {}", data.os, data.kernel)},
      {"Memory", format_capacity({m.memory_bytes})},
      {"Threads", fmt::format("{}", m.threads)},
      {"Memory read before the run",
       fmt::format("{} GB/s ({})", shown(m.read_gb_per_s), interval_text(m.read_gb_per_s_range))},
      {"Memory read between tokens",
       range_text(
           data.state,
           [](const TrialResult& t) { return std::optional(t.probe_bytes_per_s() / 1e9); },
           " GB/s")},
      {"Arithmetic", fmt::format("{} Gop/s float32, {} Gop/s int8", shown(m.fma_gflop_per_s),
                                 shown(m.int8_gop_per_s))},
      {"The program’s predictions", learned_text(m)},
      {"Time taken by the hypervisor", percent(&TrialConditions::steal_share)},
      {"Time taken by other processes", percent(&TrialConditions::others_share)},
      {"Waiting for memory (pressure)", condition(&TrialConditions::memory_stall_s, " s")},
      {"Page refaults", condition(&TrialConditions::refaults, "")},
  };
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
