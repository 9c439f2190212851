#include "lab/analysis/spilled_figures.h"

#include <algorithm>
#include <optional>

namespace ceiling::lab {
namespace {

double speed_of(const TrialResult& trial) { return trial.tokens_per_s(); }

double left_of(const TrialResult& trial) {
  return trial.own_memory ? static_cast<double>(trial.own_memory->spilled_bytes) : 0;
}

std::optional<std::size_t> resident_partner(const Plan& plan, const std::vector<CellTrials>& trials,
                                            const Cell& cell) {
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const Cell& other = plan.cells[i];
    const bool same = other.work == Work::decode && other.own() && other.model == cell.model &&
                      other.device == cell.device && !plan.design.is_twin(other.id);
    if (same && !trials[i].empty()) return i;
  }
  return std::nullopt;
}

double times_by_memory(const Plan& plan, const SpilledFigures& figures, double device_rate) {
  const double host_rate = plan.machine.read_gb_per_s * 1e9;
  const double more_s = figures.left_bytes / host_rate - figures.left_bytes / device_rate;
  return 1 + more_s * figures.resident_per_s.value;
}

}  // namespace

std::vector<SpilledFigures> spilled_figures(const Plan& plan,
                                            const std::vector<CellTrials>& trials) {
  std::vector<SpilledFigures> all;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (plan.cells[i].fill_by != FillBy::budget || trials[i].empty()) continue;
    SpilledFigures figures;
    figures.cell = i;
    figures.left_bytes = median(trials[i].values(left_of));
    const auto resident = resident_partner(plan, trials, plan.cells[i]);
    if (!(figures.left_bytes > 0) || !resident) continue;
    figures.resident = *resident;
    const PairedValues speeds = paired(trials[*resident], trials[i], speed_of);
    if (speeds.a.empty()) continue;
    figures.tokens_per_s = geometric_interval(trials[i].values(speed_of), 0.95);
    figures.resident_per_s = geometric_interval(trials[*resident].values(speed_of), 0.95);
    figures.times_slower = paired_ratio(speeds.a, speeds.b, 0.95);
    const double read =
        median(trials[i].values([](const TrialResult& t) { return t.bytes_per_token(); }));
    figures.own_bytes = std::max(read - figures.left_bytes, 0.0);
    figures.times_by_memory = times_by_memory(
        plan, figures,
        median(trials[i].values([](const TrialResult& t) { return t.probe_bytes_per_s(); })));
    all.push_back(figures);
  }
  return all;
}

}  // namespace ceiling::lab
