// From the trials of a finished run to its verdicts, by the thresholds of the sealed plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/analysis/added_reads.h"
#include "lab/analysis/replay.h"
#include "lab/analysis/verdict.h"
#include "lab/plan/plan.h"

namespace ceiling::lab {

// One model under treatments, over blocks.
struct TreatedFigures {
  std::size_t cell = 0;         // index into the plan's cells
  Elasticities decides, shown;  // at the thresholds' confidence, and at 95 %
  std::vector<LocalSlopes> processes;
  Bound bound = Bound::unclear;
  struct Dose {
    Treatment treatment;
    Estimate time;  // of a step, relative to the base; 95 %
  };
  std::vector<Dose> doses;  // in the plan's order
  // At the thresholds' confidence; empty: fewer than two blocks with large doses and readings.
  std::optional<AddedRate> added;
};

struct TypeFigures {
  struct Type {
    std::size_t cell = 0;
    double bytes_per_token = 0;
    Estimate seconds_per_token;  // at the memory speed of the run's median; 95 %
  };
  std::vector<Type> types;  // ascending bytes
  TypeSlope decides, shown;
};

struct FillFigures {
  struct Level {
    std::size_t cell = 0;
    double fill = 0;
    Estimate speed;                 // relative to the emptiest; 95 %
    std::vector<double> blocks;     // the same, block by block
    double refaults_per_token = 0;  // median over blocks
    double major_faults = 0;
    double copied_bytes = 0, spilled_bytes = 0;  // of weights, to and beside a device's own memory
  };
  std::vector<Level> levels;       // ascending
  std::vector<FillLevel> decides;  // at the thresholds' confidence
};

struct HypothesisVerdict {
  std::string id;
  Decision decision;    // `none` where something stands against any verdict
  std::string why_not;  // what; empty: there is a verdict
};

struct Judgement {
  std::optional<SameSame> same, same_memory;  // at the margins for ratios and for memory
  std::optional<TreatedFigures> treated, compute_control, overhead_control;
  std::optional<TypeFigures> types, overhead_types;
  std::optional<FillFigures> fills;
  std::vector<HypothesisVerdict> verdicts;  // in the plan's order of hypotheses
  const HypothesisVerdict* find(const std::string& id) const;
};

// Excluded trials beyond the plan's share, a failed A/A gate, a positive control that came out as
// something else or added bytes that are not shown to have come from memory leave a hypothesis
// without a verdict; its figures stay.
Judgement judge(const Plan& plan, const Replay& state);

// The A/A gate on the trials so far; empty: the plan has no such cells, or fewer than two blocks.
std::optional<SameSame> same_same_of(const Plan& plan, const Replay& state, double margin);

}  // namespace ceiling::lab
