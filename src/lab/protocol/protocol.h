// The order that makes a result worth believing: plan, seal, run, reveal.
#pragma once

#include <string>

#include "lab/analysis/replay.h"
#include "lab/ledger/directory.h"
#include "lab/ledger/ledger.h"
#include "lab/protocol/run.h"

namespace ceiling::lab {

// A run's folder read and checked: the ledger's chain, the plan against the seal, the order of
// trials.
struct OpenedRun {
  Plan plan;
  Ledger ledger;
  Replay state;
};

// Throws Error(refused) if the plan is not sealed yet, Error(integrity) naming what is damaged.
OpenedRun open_run(const RunDirectory& directory);

// Commits to plan.json as it is on disk; returns the digest. Throws Error(refused) if it is sealed.
std::string seal_plan(const RunDirectory& directory);

// Runs a sealed plan to its end, or goes on with one that was interrupted; then reveals it.
OpenedRun run_sealed(const RunDirectory& directory, TrialRunner& runner, RunObserver& observer);

// Opens the seal and writes results.csv, report.md and report.html. Throws Error(refused) until the
// run is finished.
OpenedRun reveal(const RunDirectory& directory);

// Throws Error(refused): predictions, claims and verdicts are for finished runs only.
void require_finished(const RunDirectory& directory, const Plan& plan, const Replay& state);

}  // namespace ceiling::lab
