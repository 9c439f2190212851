// Runs the sealed plan: trial after trial, each on record before the next begins.
#pragma once

#include <cstddef>
#include <string>

#include "lab/analysis/replay.h"
#include "lab/ledger/ledger.h"
#include "lab/plan/plan.h"
#include "lab/protocol/trial_runner.h"

namespace ceiling::lab {

// Told what happens, between trials only: nothing may print while one runs.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void preparing(const std::string& what, std::uint64_t done, std::uint64_t total) = 0;
  virtual void trial_begins(const Slot& slot, const Cell& cell, std::size_t done,
                            std::size_t total) = 0;
  virtual void trial_ended(double seconds) = 0;
  virtual void note(const std::string& text) = 0;
};

// Takes the ledger from `sealed`, or from wherever it was interrupted, to `finished`. Makes
// synthetic models that are missing and hashes every model file first. A cell that fails twice in
// one slot is left out from there on (on record). Throws Error(interrupted) when the user stops it,
// and Error(integrity) if a model file changed since the run was started: the ledger stays good for
// going on.
Replay run_plan(const Plan& plan, Ledger& ledger, TrialRunner& runner, RunObserver& observer);

}  // namespace ceiling::lab
