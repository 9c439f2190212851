// What earlier labs of this machine have taught: their measured shares of the ceiling, from which
// the next predictions start.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fit/decode_prediction.h"
#include "lab/ledger/directory.h"
#include "lab/plan/plan.h"

namespace ceiling::lab {

// The columns of results.csv that teach.
inline constexpr std::array<std::string_view, 4> kTeachingColumns = {
    "cell", "excluded", "share_of_ceiling", "memory_gb_per_s"};

// A cell with what its trials showed.
struct MeasuredCell {
  Cell cell;
  std::size_t trials = 0;  // that count
  fit::MeasuredShare share;
};

// Shares of the ceiling that a run measured, cell by cell (medians over trials that count). Cold
// starts, interventions and other engines teach other things and are passed over. Reads results.csv
// as it lies there: check the run first (RunCheck). Throws Error(usage) for a folder without usable
// trials.
std::vector<MeasuredCell> measured_cells(const RunDirectory& run);

// What a run says of `machine`. Throws as measured_cells.
Learned learn_from(const RunDirectory& run, const PlanMachine& machine);

// Throws Error for a run that must not be believed: require_sound (lab/protocol/verify.h).
using RunCheck = std::function<void(const RunDirectory&)>;

// From the latest of the finished labs in `folders` whose processor, threads and memory are those
// of `machine`. Empty: there is none. Folders that hold no run, or one that `check` throws for, are
// passed over.
std::optional<Learned> learn_from_latest(const std::vector<std::string>& folders,
                                         const PlanMachine& machine, const RunCheck& check = {});

// How the predictions for this machine come about, to go after "the program's predictions".
std::string learned_text(const PlanMachine& machine);

}  // namespace ceiling::lab
