// What earlier labs of this machine have taught: their measured shares of the ceiling, from which
// the next predictions start.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fit/decode_prediction.h"
#include "lab/ledger/directory.h"
#include "lab/plan/plan.h"

namespace ceiling::lab {

// Shares of the ceiling that a run measured, cell by cell (medians over trials that count). Cold
// starts, interventions and other engines teach other things and are passed over. Throws
// Error(usage) for a folder without usable trials.
std::vector<fit::MeasuredShare> measured_shares(const RunDirectory& run);

// What a run says of `machine`. Throws as measured_shares.
Learned learn_from(const RunDirectory& run, const PlanMachine& machine);

// From the latest of the finished labs in `folders` whose processor, threads and memory are those
// of `machine`. Empty: there is none. Folders that hold no run, or a damaged one, are passed over.
std::optional<Learned> learn_from_latest(const std::vector<std::string>& folders,
                                         const PlanMachine& machine);

// How the predictions for this machine come about, to go after "the program's predictions".
std::string learned_text(const PlanMachine& machine);

}  // namespace ceiling::lab
