#include "lab/analysis/energy_figures.h"

#include <algorithm>
#include <string>

#include "lab/statistics/significance.h"

namespace ceiling::lab {
namespace {

// Joules of one kind in a trial; 0: not counted.
double joules_of(const TrialResult& trial, const std::string& what) {
  const auto found = std::find_if(trial.energy.begin(), trial.energy.end(),
                                  [&](const DrawnEnergy& drawn) { return drawn.what == what; });
  return found == trial.energy.end() ? 0 : found->joules;
}

EnergyFigures figures_of(const CellTrials& trials, const std::string& what,
                         const CellTrials::Value& watts) {
  EnergyFigures figures;
  figures.what = what;
  figures.tokens_per_joule = geometric_interval(
      trials.values([&](const TrialResult& t) { return t.tokens_per_s() / watts(t); }), 0.95);
  figures.watts = median(trials.values(watts));
  return figures;
}

}  // namespace

std::vector<EnergyFigures> energy_figures(const CellTrials& trials,
                                          std::optional<double> wall_watts) {
  std::vector<EnergyFigures> all;
  for (const DrawnEnergy& drawn : trials.all().front()->result.energy) {
    const bool counted = std::all_of(
        trials.all().begin(), trials.all().end(),
        [&](const TrialRecord* trial) { return joules_of(trial->result, drawn.what) > 0; });
    if (!counted) continue;
    all.push_back(figures_of(trials, drawn.what, [&](const TrialResult& t) {
      return joules_of(t, drawn.what) / t.decode_s();
    }));
  }
  if (wall_watts) {
    all.push_back(figures_of(trials, "wall", [&](const TrialResult&) { return *wall_watts; }));
  }
  return all;
}

}  // namespace ceiling::lab
