#include "lab/analysis/judgement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/analysis/cell_trials.h"
#include "lab/analysis/device_controls.h"

namespace ceiling::lab {
namespace {

constexpr double kShown = 0.95;

std::size_t index_of(const Plan& plan, const std::string& id) {
  return static_cast<std::size_t>(plan.find(id) - plan.cells.data());
}

// Repeats of the base product that a cell's treatments are built around: the least of them.
double base_arithmetic(const Cell& cell) {
  double least = cell.treatments.front().arithmetic;
  for (const Treatment& t : cell.treatments) {
    if (t.sequences == 1) least = std::min(least, t.arithmetic);
  }
  return least;
}

std::size_t base_treatment(const Cell& cell) {
  const double arithmetic = base_arithmetic(cell);
  const Treatment base{.arithmetic = arithmetic};
  return static_cast<std::size_t>(std::find(cell.treatments.begin(), cell.treatments.end(), base) -
                                  cell.treatments.begin());
}

// Time of each dose relative to the base, process by process, then over blocks.
std::vector<TreatedFigures::Dose> doses_of(const Cell& cell, const CellTrials& trials) {
  std::vector<std::vector<double>> by_dose(cell.treatments.size());
  for (const TrialRecord* trial : trials.all()) {
    const auto times = relative_times(trial->result.treated, cell.treatments, base_treatment(cell));
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i]) by_dose[i].push_back(*times[i]);
    }
  }
  std::vector<TreatedFigures::Dose> doses;
  for (std::size_t i = 0; i < by_dose.size(); ++i) {
    if (by_dose[i].empty()) continue;
    doses.push_back({cell.treatments[i], geometric_interval(by_dose[i], kShown)});
  }
  return doses;
}

std::optional<TreatedFigures> treated_figures(const Plan& plan, const Replay& state,
                                              const std::string& id) {
  if (id.empty()) return std::nullopt;
  TreatedFigures figures;
  figures.cell = index_of(plan, id);
  const Cell& cell = plan.cells[figures.cell];
  const CellTrials trials(state, figures.cell);
  std::vector<AddedReads> added;
  for (const auto& [block, of_block] : trials.blocks()) {
    // A block is one observation: its last trial that counts.
    const TrialResult& result = of_block.back()->result;
    const auto slopes = local_slopes(result.treated, cell.treatments, base_arithmetic(cell));
    if (slopes) figures.processes.push_back(*slopes);
    const auto reads = added_reads(result.treated, result.treated_memory, cell.treatments);
    if (reads) added.push_back(*reads);
  }
  if (added.size() >= 2) figures.added = added_rate(added, plan.thresholds.confidence);
  if (figures.processes.size() < 2) return std::nullopt;
  figures.decides = elasticities(figures.processes, plan.thresholds.confidence);
  figures.shown = elasticities(figures.processes, kShown);
  figures.bound = bound_of(figures.decides, plan.thresholds);
  figures.doses = doses_of(cell, trials);
  return figures;
}

// Seconds a token if memory had read at `bytes_per_s` throughout.
double seconds_at(const TrialResult& trial, double bytes_per_s) {
  return trial.bytes_per_token() / (trial.share() * bytes_per_s);
}

std::optional<TypeFigures> type_figures(const Plan& plan, const Replay& state,
                                        const std::vector<std::string>& ids) {
  constexpr std::size_t kLeastTypes = 4;
  std::vector<std::size_t> cells;
  std::vector<CellTrials> trials;
  std::vector<double> rates;
  for (const std::string& id : ids) {
    CellTrials of_cell(state, index_of(plan, id));
    if (of_cell.empty()) continue;
    for (const TrialRecord* trial : of_cell.all()) {
      rates.push_back(trial->result.probe_bytes_per_s());
    }
    cells.push_back(index_of(plan, id));
    trials.push_back(std::move(of_cell));
  }
  if (cells.size() < kLeastTypes) return std::nullopt;
  const double rate = median(rates);
  const auto seconds = [&](const TrialResult& t) { return seconds_at(t, rate); };
  TypeFigures figures;
  std::vector<std::map<std::size_t, double>> by_block;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    by_block.push_back(trials[i].by_block(seconds));
    figures.types.push_back({cells[i], trials[i].all().front()->result.bytes_per_token(),
                             geometric_interval(trials[i].values(seconds), kShown)});
  }
  std::vector<std::vector<TypeReading>> blocks;
  for (const auto& [block, first] : by_block.front()) {
    std::vector<TypeReading> readings;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto found = by_block[i].find(block);
      if (found == by_block[i].end()) break;
      readings.push_back({figures.types[i].bytes_per_token, found->second});
    }
    if (readings.size() == cells.size()) blocks.push_back(std::move(readings));
  }
  if (blocks.size() < 2) return std::nullopt;
  figures.decides = type_slope(blocks, plan.thresholds.confidence);
  figures.shown = type_slope(blocks, kShown);
  std::sort(figures.types.begin(), figures.types.end(),
            [](const auto& a, const auto& b) { return a.bytes_per_token < b.bytes_per_token; });
  return figures;
}

FillFigures::Level fill_level(const CellTrials& trials, const PairedValues& to_emptiest) {
  FillFigures::Level level;
  level.speed = paired_ratio(to_emptiest.a, to_emptiest.b, kShown);
  for (const double log : log_ratios(to_emptiest.a, to_emptiest.b)) {
    level.blocks.push_back(std::exp(log));
  }
  level.refaults_per_token = median(trials.values([](const TrialResult& t) {
    const double refaults = t.filled ? static_cast<double>(t.filled->refaults) : 0;
    return refaults / static_cast<double>(t.token_s.size());
  }));
  const auto on_device = [&](std::uint64_t DeviceRecord::* member) {
    return median(trials.values([&](const TrialResult& t) {
      return t.own_memory ? static_cast<double>((*t.own_memory).*member) : 0.0;
    }));
  };
  level.copied_bytes = on_device(&DeviceRecord::copied_bytes);
  level.spilled_bytes = on_device(&DeviceRecord::spilled_bytes);
  level.major_faults = median(
      trials.values([](const TrialResult& t) { return t.conditions.major_faults.value_or(0); }));
  return level;
}

std::optional<FillFigures> fill_figures(const Plan& plan, const Replay& state) {
  constexpr std::size_t kLeastLevels = 3;
  const auto share = [](const TrialResult& t) { return t.share(); };
  const double confidence = plan.thresholds.confidence;
  FillFigures figures;
  std::vector<CellTrials> trials;
  for (const std::string& id : plan.design.fills) {
    const std::size_t cell = index_of(plan, id);
    CellTrials of_cell(state, cell);
    if (of_cell.empty()) continue;
    trials.push_back(std::move(of_cell));
    const CellTrials& before = trials[trials.size() < 2 ? 0 : trials.size() - 2];
    const PairedValues to_emptiest = paired(trials.back(), trials.front(), share);
    const PairedValues to_before = paired(trials.back(), before, share);
    if (to_emptiest.a.size() < 2 || to_before.a.size() < 2) return std::nullopt;
    figures.levels.push_back(fill_level(trials.back(), to_emptiest));
    figures.levels.back().cell = cell;
    figures.levels.back().fill = plan.cells[cell].fill;
    figures.decides.push_back({plan.cells[cell].fill,
                               paired_ratio(to_emptiest.a, to_emptiest.b, confidence),
                               paired_ratio(to_before.a, to_before.b, confidence)});
  }
  if (figures.levels.size() < kLeastLevels) return std::nullopt;
  return figures;
}

std::string excluded_too_many(const Plan& plan, const Replay& state) {
  std::size_t excluded = 0;
  for (const TrialRecord& trial : state.trials) excluded += trial.excluded.empty() ? 0 : 1;
  const double share = static_cast<double>(excluded) /
                       static_cast<double>(std::max<std::size_t>(state.trials.size(), 1));
  if (share <= plan.exclusions.no_verdict_above) return {};
  return fmt::format("{} of {} trials were excluded, more than the {:.0f} % that the plan allows",
                     excluded, state.trials.size(), 100 * plan.exclusions.no_verdict_above);
}

std::string wrong_control(const Plan& plan, const Judgement& j) {
  const auto check = [](const std::string& id, const std::optional<TreatedFigures>& figures,
                        Bound expected, std::string_view what) -> std::string {
    if (id.empty()) return fmt::format("the plan has no positive control with {}", what);
    if (!figures) return fmt::format("the positive control with {} gave no result", what);
    if (figures->bound == expected) return {};
    return fmt::format("the positive control with {} came out as {}, not {}", what,
                       name(figures->bound), name(expected));
  };
  std::string compute =
      check(plan.design.compute_control, j.compute_control, Bound::compute, "eightfold arithmetic");
  if (!compute.empty()) return compute;
  return check(plan.design.overhead_control, j.overhead_control, Bound::overhead,
               "a model shrunk to nothing");
}

std::string gate(const Plan& plan, const std::optional<SameSame>& same, double margin) {
  if (plan.design.same.empty()) return "the plan has no cell under two labels (A/A)";
  if (!same) return "the A/A cells gave too few results";
  if (same->passed) return {};
  return fmt::format(
      "the same cell under two labels could not be shown to be the same within "
      "{:.0f} %: the ratio is {:.3f} ({:.3f}–{:.3f}), p = {:.2f}",
      100 * margin, same->ratio.value, same->ratio.low, same->ratio.high, same->p);
}

std::string first_of(std::initializer_list<std::string> reasons) {
  for (const std::string& reason : reasons) {
    if (!reason.empty()) return reason;
  }
  return {};
}

class Judge {
 public:
  Judge(const Plan& plan, const Replay& state) : plan_(plan), state_(state) {}

  Judgement run() {
    const Design& design = plan_.design;
    j_.same = same_same_of(plan_, state_, plan_.thresholds.same_within);
    j_.same_memory = same_same_of(plan_, state_, plan_.thresholds.same_within_memory);
    j_.treated = treated_figures(plan_, state_, design.treated);
    j_.compute_control = treated_figures(plan_, state_, design.compute_control);
    j_.overhead_control = treated_figures(plan_, state_, design.overhead_control);
    j_.types = type_figures(plan_, state_, design.types);
    j_.overhead_types = type_figures(plan_, state_, design.overhead_types);
    j_.fills = fill_figures(plan_, state_);
    for (const Hypothesis& hypothesis : plan_.hypotheses) j_.verdicts.push_back(of(hypothesis));
    return std::move(j_);
  }

 private:
  HypothesisVerdict of(const Hypothesis& hypothesis) const {
    HypothesisVerdict result{
        hypothesis.id, {}, first_of({excluded_too_many(plan_, state_), hypothesis.untested})};
    if (!result.why_not.empty()) return result;
    Decision decision;
    if (hypothesis.id == "H1") {
      result.why_not = bandwidth(decision);
    } else if (hypothesis.id == "H2") {
      result.why_not = proportional(decision);
    } else {
      result.why_not = graceful(decision);
    }
    if (result.why_not.empty()) result.why_not = wrong_control_of(hypothesis.id);
    if (result.why_not.empty()) result.decision = decision;
    return result;
  }

  // A device without treatments has controls of its own, one for each hypothesis.
  std::string wrong_control_of(const std::string& hypothesis) const {
    if (plan_.tested_device() == kCpu) return wrong_control(plan_, j_);
    return wrong_device_control(plan_, j_, hypothesis);
  }

  std::string bandwidth(Decision& decision) const {
    if (!j_.treated) return "its treated cell gave too few results";
    if (j_.treated->decides.placebo.high >= plan_.thresholds.compute_below) {
      const Estimate& placebo = j_.treated->decides.placebo;
      return fmt::format(
          "the placebo, the same fetches from the cache, {}: its elasticity is {:.2f} "
          "({:.2f}–{:.2f}), and it must stay below {:.2f}",
          placebo.low > 0 ? "costs time of its own" : "could not be shown to cost nothing",
          placebo.value, placebo.low, placebo.high, plan_.thresholds.compute_below);
    }
    decision = decide_bandwidth_bound(j_.treated->decides, plan_.thresholds);
    return surely_arithmetic(j_.treated->decides, plan_.thresholds) ? "" : not_delivered();
  }

  // Why the bytes that were to be added cannot be said to have been; empty: they were.
  std::string not_delivered() const {
    const Thresholds& t = plan_.thresholds;
    const auto& added = j_.treated->added;
    if (!added) {
      return "nothing shows that the added bytes came from memory: it was not read between the "
             "doses, or there are no two large ones";
    }
    if (reached_memory(*added, t)) return {};
    return fmt::format(
        "the added bytes could not be shown to come from memory: they came at {:.2f} "
        "({:.2f}–{:.2f}) "
        "of the rate at which it read; {:.2f} to {:.2f} was asked",
        added->ratio.value, added->ratio.low, added->ratio.high, t.added_rate_least,
        t.added_rate_most);
  }

  std::string proportional(Decision& decision) const {
    constexpr double kLeastRange = 2.5;
    if (!j_.types) return "fewer than four types gave results";
    if (j_.types->decides.range < kLeastRange) {
      return fmt::format("its types span a factor of {:.1f} in bytes; at least {:.1f} is needed",
                         j_.types->decides.range, kLeastRange);
    }
    decision = decide_proportional(j_.types->decides, plan_.thresholds);
    return gate(plan_, j_.same, plan_.thresholds.same_within);
  }

  std::string graceful(Decision& decision) const {
    if (!j_.fills) return "its cells gave too few results";
    decision = decide_graceful(j_.fills->decides, plan_.thresholds);
    return gate(plan_, j_.same_memory, plan_.thresholds.same_within_memory);
  }

  const Plan& plan_;
  const Replay& state_;
  Judgement j_;
};

}  // namespace

const HypothesisVerdict* Judgement::find(const std::string& id) const {
  const auto found = std::find_if(verdicts.begin(), verdicts.end(),
                                  [&](const HypothesisVerdict& v) { return v.id == id; });
  return found == verdicts.end() ? nullptr : &*found;
}

std::optional<SameSame> same_same_of(const Plan& plan, const Replay& state, double margin) {
  if (plan.design.same.size() != 2) return std::nullopt;
  const CellTrials a(state, index_of(plan, plan.design.same[0]));
  const CellTrials b(state, index_of(plan, plan.design.same[1]));
  const PairedValues shares = paired(a, b, [](const TrialResult& t) { return t.share(); });
  if (shares.a.size() < 2) return std::nullopt;
  return same_same(shares.a, shares.b, margin);
}

Judgement judge(const Plan& plan, const Replay& state) { return Judge(plan, state).run(); }

}  // namespace ceiling::lab
