// A cell's trials, block by block: what its figures are made of.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <vector>

#include "lab/analysis/replay.h"

namespace ceiling::lab {

// In each block the trials that count or, where none does, the excluded ones.
class CellTrials {
 public:
  using Value = std::function<double(const TrialResult&)>;

  CellTrials(const Replay& state, std::size_t cell);  // `state` must outlive it

  bool empty() const { return all_.empty(); }
  bool disturbed() const { return disturbed_; }  // some block has excluded trials only
  const std::vector<const TrialRecord*>& all() const { return all_; }

  // One value a block: the mean of its trials (the reference cell has two).
  std::map<std::size_t, double> by_block(const Value& value) const;
  std::vector<double> values(const Value& value) const;  // the same, in order of blocks
  const std::map<std::size_t, std::vector<const TrialRecord*>>& blocks() const { return blocks_; }

 private:
  std::vector<const TrialRecord*> all_;
  std::map<std::size_t, std::vector<const TrialRecord*>> blocks_;
  bool disturbed_ = false;
};

// Values of two cells in the blocks that have both, in order.
struct PairedValues {
  std::vector<double> a, b;
};
PairedValues paired(const CellTrials& a, const CellTrials& b, const CellTrials::Value& value);

}  // namespace ceiling::lab
