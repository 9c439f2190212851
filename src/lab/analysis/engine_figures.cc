#include "lab/analysis/engine_figures.h"

#include <algorithm>

#include "lab/statistics/significance.h"

namespace ceiling::lab {
namespace {

using Value = CellTrials::Value;

// This program's cell that does the same work on the same model; one that is there for its size
// before one that tests something.
std::optional<std::size_t> own_cell(const Plan& plan, const Cell& other) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const Cell& cell = plan.cells[i];
    const bool same = cell.own() && cell.work == Work::decode && cell.model == other.model &&
                      cell.device == other.device && cell.prompt_tokens == other.prompt_tokens;
    if (!same) continue;
    if (!found || (plan.design.has(plan.cells[*found].id) && !plan.design.has(cell.id))) found = i;
  }
  return found;
}

bool all_have(const CellTrials& trials, const Value& value) {
  return std::all_of(trials.all().begin(), trials.all().end(),
                     [&](const TrialRecord* trial) { return value(trial->result) > 0; });
}

// Of what every trial measured.
std::optional<Estimate> estimate(const CellTrials& trials, const Value& value) {
  if (!all_have(trials, value)) return std::nullopt;
  return geometric_interval(trials.values(value), 0.95);
}

std::optional<double> middle(const CellTrials& trials, const Value& value) {
  if (!all_have(trials, value)) return std::nullopt;
  return median(trials.values(value));
}

std::optional<Estimate> ratio(const CellTrials& a, const CellTrials& b, const Value& value) {
  if (!all_have(a, value) || !all_have(b, value)) return std::nullopt;
  const PairedValues values = paired(a, b, value);
  if (values.a.empty()) return std::nullopt;
  return paired_ratio(values.a, values.b, 0.95);
}

double speed(const TrialResult& t) { return t.tokens_per_s(); }
double share(const TrialResult& t) { return t.probed() ? t.share() : 0; }
double prefill(const TrialResult& t) { return t.prefill_s > 0 ? t.prompt_tokens / t.prefill_s : 0; }
double first_token(const TrialResult& t) { return t.first_token_s; }
double load(const TrialResult& t) { return t.load_s; }

void compare_with(const CellTrials& engine, const CellTrials& own, EngineFigures& figures) {
  figures.speed_ratio = ratio(engine, own, &speed);
  figures.share_ratio = ratio(engine, own, &share);
  const PairedValues values = paired(engine, own, &speed);
  if (values.a.size() >= 2) figures.p = t_test(log_ratios(values.a, values.b), 0);
}

EngineFigures figures_of(const Plan& plan, const std::vector<CellTrials>& trials,
                         std::size_t cell) {
  const CellTrials& of_cell = trials[cell];
  EngineFigures figures;
  figures.cell = cell;
  figures.tokens_per_s = geometric_interval(of_cell.values(&speed), 0.95);
  figures.share = estimate(of_cell, &share);
  figures.prefill_tokens_per_s = estimate(of_cell, &prefill);
  figures.first_token_s = middle(of_cell, &first_token);
  figures.load_s = middle(of_cell, &load);
  figures.bytes_per_token =
      median(of_cell.values([](const TrialResult& t) { return t.bytes_per_token(); }));
  figures.trials = of_cell.all().size();
  for (const TrialRecord* trial : of_cell.all()) {
    figures.excluded += trial->excluded.empty() ? 0 : 1;
    if (figures.engine.find(trial->result.engine) == std::string::npos) {
      figures.engine += (figures.engine.empty() ? "" : "; ") + trial->result.engine;
    }
    for (const std::string& what : trial->result.missing) {
      const auto found = std::find(figures.missing.begin(), figures.missing.end(), what);
      if (found == figures.missing.end()) figures.missing.push_back(what);
    }
  }
  figures.own = own_cell(plan, plan.cells[cell]);
  if (figures.own && !trials[*figures.own].empty()) {
    compare_with(of_cell, trials[*figures.own], figures);
  }
  return figures;
}

}  // namespace

std::vector<EngineFigures> engine_figures(const Plan& plan, const std::vector<CellTrials>& trials) {
  std::vector<EngineFigures> all;
  std::vector<double> p_values;
  for (std::size_t cell = 0; cell < plan.cells.size(); ++cell) {
    if (plan.cells[cell].own() || trials[cell].empty()) continue;
    all.push_back(figures_of(plan, trials, cell));
    p_values.push_back(all.back().p);
  }
  const std::vector<double> adjusted = holm_adjusted(p_values);
  for (std::size_t i = 0; i < adjusted.size(); ++i) all[i].p = adjusted[i];
  return all;
}

}  // namespace ceiling::lab
