#include "lab/analysis/cell_trials.h"

#include "lab/statistics/statistics.h"

namespace ceiling::lab {

CellTrials::CellTrials(const Replay& state, std::size_t cell) {
  for (const TrialRecord& trial : state.trials) {
    if (trial.cell == cell) all_.push_back(&trial);
  }
  std::map<std::size_t, std::vector<const TrialRecord*>> counted;
  for (const TrialRecord* trial : all_) {
    if (trial->excluded.empty()) counted[trial->slot.block].push_back(trial);
  }
  for (const TrialRecord* trial : all_) {
    const std::size_t block = trial->slot.block;
    if (counted.count(block) == 0) {
      blocks_[block].push_back(trial);
      disturbed_ = true;
    }
  }
  blocks_.merge(counted);
}

std::map<std::size_t, double> CellTrials::by_block(const Value& value) const {
  std::map<std::size_t, double> result;
  for (const auto& [block, trials] : blocks_) {
    std::vector<double> values;
    for (const TrialRecord* trial : trials) values.push_back(value(trial->result));
    result[block] = mean(values);
  }
  return result;
}

std::vector<double> CellTrials::values(const Value& value) const {
  std::vector<double> result;
  for (const auto& [block, of_block] : by_block(value)) result.push_back(of_block);
  return result;
}

PairedValues paired(const CellTrials& a, const CellTrials& b, const CellTrials::Value& value) {
  const auto of_a = a.by_block(value);
  const auto of_b = b.by_block(value);
  PairedValues result;
  for (const auto& [block, x] : of_a) {
    const auto other = of_b.find(block);
    if (other == of_b.end()) continue;
    result.a.push_back(x);
    result.b.push_back(other->second);
  }
  return result;
}

}  // namespace ceiling::lab
