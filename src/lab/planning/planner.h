// Chooses what to measure on this machine, says how long it takes and what it expects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fit/decode_prediction.h"
#include "lab/plan/plan.h"
#include "lab/planning/engine_cells.h"

namespace ceiling::lab {

enum class Kind { quick, standard };

// What limits the choice of models.
struct Resources {
  std::uint64_t memory_bytes = 0;     // in all
  std::uint64_t available_bytes = 0;  // now, without swapping
  std::uint64_t disk_bytes = 0;       // free where models are kept
  bool default_model = false;         // SmolLM2 is there
  // Why memory cannot be filled by a group's limit, and by locking it; empty: it can.
  std::string group_obstacle, ballast_obstacle;
  std::uint64_t card_bytes = 0;  // of a smaller card that is asked for; 0: none
};

// The rates that a prediction for this machine rests on, with what was learned.
fit::MachineRates rates_of(const PlanMachine& machine);

PlanMachine describe_machine();  // without its rates
PlanMachine measure_machine();   // some seconds
// `ballast_allowed`: the owner lets the lab lock memory where no group can be made.
Resources find_resources(bool ballast_allowed = false);

// Quick: the default model, synthetic 1B at Q4_K_M (from cold too) and Q8_0, and the largest of 7B,
// 3B and 0.5B that fits; 5 blocks, at most 8 minutes. Standard: the default model and the largest
// three of 32B, 13B, 7B, 3B, 1B and 0.5B that fit, at Q4_K_M, the smallest of them from cold too;
// 10 blocks, at most 60 minutes. The limits hold with a third to spare: blocks (down to 5) and then
// the largest model are given up for them, unless `blocks` says how many. What is left out is
// listed with the reason. Cells, thresholds, exclusions, estimate and the program's predictions are
// filled in. `engines` are measured beside the decode cells that are there for their size, and
// count in the time. `devices`: on which, the machine knows them; with the CPU among them the
// others repeat its decode cells, without it the first has cells of its own (device_cells.h).
Plan make_plan(Kind kind, const PlanMachine& machine, const Resources& resources,
               std::uint64_t seed, std::optional<std::size_t> blocks = {},
               const std::vector<EngineWish>& engines = {},
               const std::vector<std::string>& devices = {std::string(kCpu)});

// A plan that someone wrote, on this machine: cells, blocks, seed, exclusions and hypotheses stay;
// machine, estimate and the program's predictions are made anew. `engines` as above.
Plan adopt_plan(Plan plan, const PlanMachine& machine, const std::vector<EngineWish>& engines = {});

// The sealed rule of extension.h: twice and three times the blocks. Throws Error(usage) for a plan
// without an A/A pair.
void allow_extensions(Plan& plan);

// Seconds that one trial of a cell takes here.
double estimate_trial_s(const Cell& cell, const PlanMachine& machine);

}  // namespace ceiling::lab
