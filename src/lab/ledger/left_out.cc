#include "lab/ledger/left_out.h"

#include "lab/ledger/earlier_lab.h"
#include "lab/planning/planner.h"

namespace ceiling::lab {

std::vector<ToldCell> leave_each_out(const RunDirectory& run) {
  PlanMachine machine = run.read_plan().machine;
  machine.learned.reset();
  const std::vector<MeasuredCell> cells = measured_cells(run);
  std::vector<ToldCell> out;
  for (const MeasuredCell& one : cells) {
    std::vector<fit::MeasuredShare> others;
    bool type_taught = false;
    for (const MeasuredCell& other : cells) {
      if (other.cell.model == one.cell.model) continue;
      others.push_back(other.share);
      type_taught |= other.cell.type == one.cell.type;
    }
    fit::MachineRates rates = rates_of(machine);
    rates.calibration = fit::calibrate(others, rates);
    if (one.share.read.value > 0) rates.read = one.share.read;
    const auto predicted =
        fit::predict_decode(one.share.program, one.share.depth, one.share.count, rates);
    out.push_back({.cell = one.cell.id,
                   .trials = one.trials,
                   .type_taught = type_taught,
                   .memory_gb_per_s = rates.read.gb_per_s(),
                   .measured = one.share.share,
                   .predicted = predicted.share});
  }
  return out;
}

}  // namespace ceiling::lab
