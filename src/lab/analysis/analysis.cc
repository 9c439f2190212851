#include "lab/analysis/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "lab/analysis/cell_trials.h"
#include "lab/analysis/energy_figures.h"
#include "lab/statistics/allocation.h"
#include "lab/statistics/bootstrap.h"
#include "lab/statistics/forecast_scores.h"
#include "lab/statistics/significance.h"

namespace ceiling::lab {
namespace {

using Value = CellTrials::Value;

std::size_t headline_of(const Plan& plan, const std::vector<CellFigures>& cells) {
  const auto rank = [&](const CellFigures& figures) {
    return std::pair(!plan.design.has(plan.cells[figures.cell].id), figures.bytes_per_token);
  };
  const auto found = std::max_element(
      cells.begin(), cells.end(),
      [&](const CellFigures& a, const CellFigures& b) { return rank(a) < rank(b); });
  return static_cast<std::size_t>(found - cells.begin());
}

bool starts_with(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// The profile tells how a token's time divides; the clock tells how long it is.
TokenTime token_time(const TrialResult& trial) {
  double all = 0, matrices = 0, attention = 0;
  for (const ProfilePart& part : trial.profile) {
    all += part.seconds_per_token;
    if (starts_with(part.label, "matmul")) matrices += part.seconds_per_token;
    if (starts_with(part.label, "attention")) attention += part.seconds_per_token;
  }
  const double token_s = 1 / trial.tokens_per_s();
  const double scale = all > 0 ? token_s / all : 0;
  TokenTime time;
  time.at_ceiling_s = std::min(trial.bytes_per_token() / trial.probe_bytes_per_s(), token_s);
  time.matrices_beyond_s = std::max(0.0, matrices * scale - time.at_ceiling_s);
  const double left_s = token_s - time.at_ceiling_s - time.matrices_beyond_s;
  time.attention_s = std::clamp(attention * scale, 0.0, std::max(0.0, left_s));
  time.other_s = std::max(0.0, left_s - time.attention_s);
  return time;
}

TokenTime mean_token_time(const CellTrials& trials) {
  const auto part = [&](double TokenTime::* member) {
    return mean(trials.values([&](const TrialResult& t) { return token_time(t).*member; }));
  };
  return {part(&TokenTime::at_ceiling_s), part(&TokenTime::matrices_beyond_s),
          part(&TokenTime::attention_s), part(&TokenTime::other_s)};
}

constexpr double kSteadyTolerance = 0.02;

// Shares by block, trial by trial.
std::vector<std::vector<double>> logs_by_block(const CellTrials& trials) {
  std::vector<std::vector<double>> groups;
  for (const auto& [block, of_block] : trials.blocks()) {
    groups.emplace_back();
    for (const TrialRecord* trial : of_block)
      groups.back().push_back(std::log(trial->result.share()));
  }
  return groups;
}

Estimate bootstrap_share(const CellTrials& trials) {
  constexpr std::size_t kResamples = 2000;
  constexpr std::uint64_t kSeed = 1;  // the same interval whenever the report is made
  const Estimate e = hierarchical_bootstrap(logs_by_block(trials), 0.95, kResamples, kSeed);
  return {std::exp(e.value), std::exp(e.low), std::exp(e.high), e.n};
}

// What a pilot of this cell says about how to spend more time.
Precision precision_of(const CellTrials& trials) {
  constexpr std::size_t kMostBlocks = 1000, kMostTokens = 4096;
  Precision precision;
  const std::vector<double> shares =
      trials.values([](const TrialResult& t) { return std::log(t.share()); });
  if (shares.size() < 2) return precision;
  precision.between_blocks = standard_deviation(shares);
  precision.blocks_for_2 =
      observations_needed(precision.between_blocks, std::log(1.02), 0.95, kMostBlocks);
  std::size_t tokens = SIZE_MAX;
  double process_s = 0, token_s = 0;
  for (const TrialRecord* trial : trials.all()) {
    const TrialResult& r = trial->result;
    const auto count = static_cast<double>(trials.all().size());
    tokens = std::min(tokens, r.token_s.size());
    process_s += (r.touch_s + r.load_s + r.first_token_s) / count;
    token_s += r.decode_s() / static_cast<double>(r.token_s.size()) / count;
  }
  precision.tokens = tokens;
  if (tokens < 2) return precision;
  std::vector<std::vector<double>> processes;
  for (const TrialRecord* trial : trials.all()) {
    processes.emplace_back();
    for (std::size_t i = 0; i < tokens; ++i) {
      // Per byte read of memory, so that what the memory did between processes is not counted.
      processes.back().push_back(
          std::log(trial->result.token_s[i] * trial->result.probe_bytes_per_s()));
    }
  }
  precision.best_tokens =
      iterations_per_process(variation(processes), process_s, token_s, kMostTokens);
  return precision;
}

CellFigures figures_of(std::size_t cell, const CellTrials& trials) {
  CellFigures figures;
  figures.cell = cell;
  figures.disturbed = trials.disturbed();
  for (const TrialRecord* trial : trials.all()) {
    const TrialResult& result = trial->result;
    figures.points.push_back({trial->slot.block, trial->wall_s, result.tokens_per_s(),
                              result.share(), result.probe_bytes_per_s() / 1e9,
                              !trial->excluded.empty()});
    figures.excluded += trial->excluded.empty() ? 0 : 1;
  }
  for (const TrialRecord* trial : trials.all()) {
    ++figures.warmups[steady_state(trial->result.token_s, kSteadyTolerance).warmup];
  }
  figures.share_bootstrap = bootstrap_share(trials);
  figures.precision = precision_of(trials);
  const auto middle = [&](const Value& value) { return median(trials.values(value)); };
  const auto estimate = [&](const Value& value) {
    return geometric_interval(trials.values(value), 0.95);
  };
  figures.tokens_per_s = estimate([](const TrialResult& t) { return t.tokens_per_s(); });
  figures.share = estimate([](const TrialResult& t) { return t.share(); });
  figures.prefill_tokens_per_s =
      estimate([](const TrialResult& t) { return t.prompt_tokens / t.prefill_s; });
  figures.first_token_s = middle([](const TrialResult& t) { return t.first_token_s; });
  figures.load_s = middle([](const TrialResult& t) { return t.load_s; });
  figures.touch_s = middle([](const TrialResult& t) { return t.touch_s; });
  figures.bytes_per_token = middle([](const TrialResult& t) { return t.bytes_per_token(); });
  figures.operations_per_token = middle([](const TrialResult& t) {
    return t.decode_operations / static_cast<double>(t.token_s.size());
  });
  figures.probe_gb_per_s = middle([](const TrialResult& t) { return t.probe_bytes_per_s() / 1e9; });
  figures.prefill_intensity = middle([](const TrialResult& t) {
    return t.prefill_operations / std::max(1.0, static_cast<double>(t.prefill_bytes));
  });
  figures.prefill_gop_per_s =
      middle([](const TrialResult& t) { return t.prefill_operations / t.prefill_s / 1e9; });
  figures.token_time = mean_token_time(trials);
  const TrialResult& last = trials.all().back()->result;
  figures.resident_bytes = last.resident_bytes;
  figures.file_bytes = last.file_bytes;
  return figures;
}

ColdLoad cold_load_of(std::size_t cell, const CellTrials& trials) {
  ColdLoad cold;
  cold.cell = cell;
  cold.load_s =
      geometric_interval(trials.values([](const TrialResult& t) { return t.load_s; }), 0.95);
  cold.trials = trials.all().size();
  for (const TrialRecord* trial : trials.all()) {
    cold.file_bytes = static_cast<double>(trial->result.file_bytes);
    cold.cached_share = std::max(cold.cached_share, trial->result.cached_share);
    cold.excluded += trial->excluded.empty() ? 0 : 1;
  }
  return cold;
}

// Time per byte cancels what the memory did; the ratio of bytes brings it back to tokens.
TypeRatio type_ratio(const CellFigures& a, const CellFigures& b, const CellTrials& a_trials,
                     const CellTrials& b_trials) {
  const bool a_smaller = a.bytes_per_token < b.bytes_per_token;
  const CellFigures& smaller = a_smaller ? a : b;
  const CellFigures& larger = a_smaller ? b : a;
  const auto share = [](const TrialResult& t) { return t.share(); };
  const PairedValues shares =
      paired(a_smaller ? a_trials : b_trials, a_smaller ? b_trials : a_trials, share);
  TypeRatio ratio;
  ratio.smaller = smaller.cell;
  ratio.larger = larger.cell;
  ratio.bytes = larger.bytes_per_token / smaller.bytes_per_token;
  if (shares.a.empty()) return ratio;
  ratio.speed = paired_ratio(shares.a, shares.b, 0.95);
  if (shares.a.size() >= 2) {
    // Equally fast: the shares differ by the factor of the bytes.
    ratio.p = t_test(log_ratios(shares.a, shares.b), -std::log(ratio.bytes));
  }
  for (double* end : {&ratio.speed.value, &ratio.speed.low, &ratio.speed.high}) *end *= ratio.bytes;
  return ratio;
}

void compare_types(const Plan& plan, const std::vector<CellTrials>& trials, Analysis& analysis) {
  for (std::size_t i = 0; i < analysis.cells.size(); ++i) {
    for (std::size_t j = i + 1; j < analysis.cells.size(); ++j) {
      const Cell& a = plan.cells[analysis.cells[i].cell];
      const Cell& b = plan.cells[analysis.cells[j].cell];
      if (a.size != b.size || a.type == b.type || a.device != b.device) continue;
      if (plan.design.is_twin(a.id) || plan.design.is_twin(b.id)) continue;
      analysis.type_ratios.push_back(type_ratio(analysis.cells[i], analysis.cells[j],
                                                trials[analysis.cells[i].cell],
                                                trials[analysis.cells[j].cell]));
    }
  }
  std::vector<double> p_values;
  for (const TypeRatio& ratio : analysis.type_ratios) p_values.push_back(ratio.p);
  const std::vector<double> adjusted = holm_adjusted(p_values);
  for (std::size_t i = 0; i < adjusted.size(); ++i) analysis.type_ratios[i].p = adjusted[i];
}

PredictionScores score(const Plan& plan, const Analysis& analysis) {
  PredictionScores scores;
  const auto inside = [](const fit::Interval& interval, double value) {
    return value >= interval.low && value <= interval.high;
  };
  for (const CellPrediction& p : plan.predictions) {
    const CellFigures* figures = analysis.find(plan, p.cell);
    if (p.by != "program" || figures == nullptr || !p.p80 || !p.p95 || !(p.p80->low > 0)) continue;
    const double result = figures->tokens_per_s.value;
    ++scores.predictions;
    scores.inside_80 += inside(*p.p80, result) ? 1 : 0;
    scores.inside_95 += inside(*p.p95, result) ? 1 : 0;
    scores.score_80 +=
        interval_score({std::log(p.p80->low), std::log(p.p80->high)}, 0.2, std::log(result));
  }
  if (scores.predictions == 0) return scores;
  scores.score_80 /= static_cast<double>(scores.predictions);
  scores.coverage_80 = coverage(scores.inside_80, scores.predictions, 0.95);
  return scores;
}

// Each reason once, with the hypotheses that it keeps from a verdict.
std::vector<std::string> reasons_for_no_verdict(const Judgement& judgement) {
  std::vector<std::pair<std::string, std::string>> reasons;  // why, hypotheses
  for (const HypothesisVerdict& verdict : judgement.verdicts) {
    if (verdict.why_not.empty()) continue;
    const auto found = std::find_if(reasons.begin(), reasons.end(), [&](const auto& reason) {
      return reason.first == verdict.why_not;
    });
    if (found == reasons.end()) {
      reasons.emplace_back(verdict.why_not, verdict.id);
    } else {
      found->second += ", " + verdict.id;
    }
  }
  std::vector<std::string> sentences;
  for (const auto& [why, ids] : reasons) sentences.push_back(fmt::format("{}: {}", ids, why));
  return sentences;
}

}  // namespace

double CellFigures::ceiling_tokens_per_s() const { return tokens_per_s.value / share.value; }

const CellFigures* Analysis::find(const Plan& plan, const std::string& cell) const {
  const auto found = std::find_if(cells.begin(), cells.end(), [&](const CellFigures& figures) {
    return plan.cells[figures.cell].id == cell;
  });
  return found == cells.end() ? nullptr : &*found;
}

Analysis analyse(const Plan& plan, const Replay& state) {
  Analysis analysis;
  std::vector<CellTrials> trials;
  for (std::size_t cell = 0; cell < plan.cells.size(); ++cell) {
    trials.emplace_back(state, cell);
    if (trials.back().empty() || !plan.cells[cell].own()) continue;
    if (plan.cells[cell].work == Work::cold_load) {
      analysis.cold_loads.push_back(cold_load_of(cell, trials.back()));
      analysis.trials += analysis.cold_loads.back().trials;
      analysis.excluded += analysis.cold_loads.back().excluded;
      continue;
    }
    if (plan.cells[cell].work != Work::decode ||
        plan.design.is_overhead_type(plan.cells[cell].id)) {
      for (const TrialRecord* trial : trials.back().all()) {
        ++analysis.trials;
        analysis.excluded += trial->excluded.empty() ? 0 : 1;
      }
      continue;
    }
    analysis.cells.push_back(figures_of(cell, trials.back()));
    analysis.cells.back().energy = energy_figures(trials.back(), plan.machine.wall_watts);
    analysis.trials += trials.back().all().size();
    analysis.excluded += analysis.cells.back().excluded;
  }
  if (analysis.cells.empty()) {
    fail(ExitCode::failed,
         "no decode trial of this program gave a result in this run: see its ledger for the "
         "reasons");
  }
  analysis.engines = engine_figures(plan, trials);
  for (const EngineFigures& figures : analysis.engines) {
    analysis.trials += figures.trials;
    analysis.excluded += figures.excluded;
  }
  analysis.headline_cell = headline_of(plan, analysis.cells);
  compare_types(plan, trials, analysis);
  analysis.spilled = spilled_figures(plan, trials);
  analysis.scores = score(plan, analysis);
  analysis.judgement = judge(plan, state);
  analysis.no_verdict = reasons_for_no_verdict(analysis.judgement);
  return analysis;
}

}  // namespace ceiling::lab
