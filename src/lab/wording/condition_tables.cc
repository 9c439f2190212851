// What the run held equal, what it recorded, and the machine: the report's tables of conditions.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>

#include "base/units.h"
#include "lab/ledger/earlier_lab.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {
namespace {

// Percentages of little: one decimal says enough.
std::string shown_little(double percent) { return fmt::format("{:.1f}", percent); }

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

std::string depths(const Plan& plan) {
  constexpr std::size_t kListed = 2;
  std::vector<std::string> all;
  std::uint32_t least_prompt = plan.cells.front().prompt_tokens, most_prompt = least_prompt;
  std::uint32_t most_tokens = 0;
  for (const Cell& cell : plan.cells) {
    const std::string one =
        fmt::format("prompt {}, then {}–{} tokens (at most {} s)", cell.prompt_tokens,
                    cell.least_tokens, cell.most_tokens, shown(cell.most_decode_s));
    if (std::ranges::find(all, one) == all.end()) all.push_back(one);
    least_prompt = std::min(least_prompt, cell.prompt_tokens);
    most_prompt = std::max(most_prompt, cell.prompt_tokens);
    most_tokens = std::max(most_tokens, cell.most_tokens);
  }
  if (all.size() <= kListed) return fmt::format("{}", fmt::join(all, "; "));
  return fmt::format(
      "prompts of {} to {} tokens, then up to {} tokens: {} settings, each the same in all trials "
      "of "
      "its cell (plan.json)",
      least_prompt, most_prompt, most_tokens, all.size());
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

std::string others_text(const Replay& state) {
  const auto get = [](const TrialResult& t) {
    const auto share = shown_others_share(t.conditions);
    return share ? std::optional(100 * *share) : std::nullopt;
  };
  double coarsest = 0;
  for (const TrialRecord& trial : state.trials) {
    coarsest = std::max(coarsest, trial.result.conditions.others_share_resolution.value_or(0));
  }
  std::string text = range_text(state, get, " %", &shown_little);
  if (coarsest > 0) {
    text += fmt::format(
        " (counted in ticks of the clock: up to {:.1f} % of a trial may be none, and "
        "is then 0)",
        100 * coarsest);
  }
  return text;
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
       fmt::format("{} GB/s ({})", shown(m.read_gb_per_s),
                   shown_range(m.read_gb_per_s_range.low, m.read_gb_per_s_range.high))},
      {"Memory read between tokens", range_text(
                                         data.state,
                                         [&](const TrialResult& t) {
                                           const Cell* cell = data.plan.find(t.cell);
                                           const bool read_here = cell != nullptr && cell->on_cpu();
                                           return read_here
                                                      ? std::optional(t.probe_bytes_per_s() / 1e9)
                                                      : std::nullopt;
                                         },
                                         " GB/s")},
      {"Arithmetic", fmt::format("{} Gop/s float32, {} Gop/s int8", shown(m.fma_gflop_per_s),
                                 shown(m.int8_gop_per_s))},
      {"The program’s predictions", learned_text(m)},
      {"Time taken by the hypervisor", percent(&TrialConditions::steal_share)},
      {"Time taken by other processes", others_text(data.state)},
      {"Waiting for memory (pressure)", condition(&TrialConditions::memory_stall_s, " s")},
      {"Page refaults", condition(&TrialConditions::refaults, "")},
  };
  add_device_rows(data, table);
  return table;
}

}  // namespace ceiling::lab
