#include "lab/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/error.h"

namespace ceiling::lab {
namespace {

using Value = std::function<double(const TrialResult&)>;

// The trials of one cell that figures are made of: in each block those that count or, where none
// does, the excluded ones.
class CellTrials {
 public:
  CellTrials(const Replay& state, std::size_t cell) {
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

  bool empty() const { return all_.empty(); }
  bool disturbed() const { return disturbed_; }
  const std::vector<const TrialRecord*>& all() const { return all_; }

  // One value a block: the mean of its trials (the reference cell has two).
  std::map<std::size_t, double> by_block(const Value& value) const {
    std::map<std::size_t, double> result;
    for (const auto& [block, trials] : blocks_) {
      std::vector<double> values;
      for (const TrialRecord* trial : trials) values.push_back(value(trial->result));
      result[block] = mean(values);
    }
    return result;
  }

  std::vector<double> values(const Value& value) const {
    std::vector<double> result;
    for (const auto& [block, of_block] : by_block(value)) result.push_back(of_block);
    return result;
  }

 private:
  std::vector<const TrialRecord*> all_;
  std::map<std::size_t, std::vector<const TrialRecord*>> blocks_;
  bool disturbed_ = false;
};

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
  const auto small_shares = (a_smaller ? a_trials : b_trials).by_block(share);
  const auto large_shares = (a_smaller ? b_trials : a_trials).by_block(share);
  std::vector<double> x, y;
  for (const auto& [block, value] : small_shares) {
    const auto other = large_shares.find(block);
    if (other == large_shares.end()) continue;
    x.push_back(value);
    y.push_back(other->second);
  }
  TypeRatio ratio;
  ratio.smaller = smaller.cell;
  ratio.larger = larger.cell;
  ratio.bytes = larger.bytes_per_token / smaller.bytes_per_token;
  if (x.empty()) return ratio;
  ratio.speed = paired_ratio(x, y, 0.95);
  for (double* end : {&ratio.speed.value, &ratio.speed.low, &ratio.speed.high}) *end *= ratio.bytes;
  return ratio;
}

void compare_types(const Plan& plan, const std::vector<CellTrials>& trials, Analysis& analysis) {
  for (std::size_t i = 0; i < analysis.cells.size(); ++i) {
    for (std::size_t j = i + 1; j < analysis.cells.size(); ++j) {
      const Cell& a = plan.cells[analysis.cells[i].cell];
      const Cell& b = plan.cells[analysis.cells[j].cell];
      if (a.size != b.size || a.type == b.type || a.device != b.device) continue;
      analysis.type_ratios.push_back(type_ratio(analysis.cells[i], analysis.cells[j],
                                                trials[analysis.cells[i].cell],
                                                trials[analysis.cells[j].cell]));
    }
  }
}

std::vector<std::string> reasons_for_no_verdict(const Plan& plan, const Analysis& analysis) {
  std::vector<std::string> reasons;
  const double share =
      static_cast<double>(analysis.excluded) / static_cast<double>(analysis.trials);
  if (share > plan.exclusions.no_verdict_above) {
    reasons.push_back(
        fmt::format("{} of {} trials were excluded, more than the {:.0f} % that the plan allows",
                    analysis.excluded, analysis.trials, 100 * plan.exclusions.no_verdict_above));
  }
  std::set<std::string> untested;
  for (const Hypothesis& hypothesis : plan.hypotheses) {
    if (!hypothesis.untested.empty() && untested.insert(hypothesis.untested).second) {
      reasons.push_back(hypothesis.untested);
    }
  }
  return reasons;
}

}  // namespace

double CellFigures::ceiling_tokens_per_s() const { return tokens_per_s.value / share.value; }

const CellFigures* Analysis::find(const Plan& plan, const std::string& cell) const {
  const auto found = std::find_if(cells.begin(), cells.end(), [&](const CellFigures& figures) {
    return plan.cells[figures.cell].id == cell;
  });
  return found == cells.end() ? nullptr : &*found;
}

const CellFigures& Analysis::headline() const {
  return *std::max_element(cells.begin(), cells.end(),
                           [](const CellFigures& a, const CellFigures& b) {
                             return a.bytes_per_token < b.bytes_per_token;
                           });
}

Analysis analyse(const Plan& plan, const Replay& state) {
  Analysis analysis;
  std::vector<CellTrials> trials;
  for (std::size_t cell = 0; cell < plan.cells.size(); ++cell) {
    trials.emplace_back(state, cell);
    if (trials.back().empty()) continue;
    if (plan.cells[cell].work == Work::cold_load) {
      analysis.cold_loads.push_back(cold_load_of(cell, trials.back()));
      analysis.trials += analysis.cold_loads.back().trials;
      analysis.excluded += analysis.cold_loads.back().excluded;
      continue;
    }
    analysis.cells.push_back(figures_of(cell, trials.back()));
    analysis.trials += trials.back().all().size();
    analysis.excluded += analysis.cells.back().excluded;
  }
  if (analysis.cells.empty()) {
    fail(ExitCode::failed,
         "no decode trial of this run gave a result: see its ledger for the reasons");
  }
  compare_types(plan, trials, analysis);
  analysis.no_verdict = reasons_for_no_verdict(plan, analysis);
  return analysis;
}

}  // namespace ceiling::lab
