#include "device/cpu/run_phases.h"

#include "device/cpu/attend.h"
#include "device/cpu/places.h"
#include "device/cpu/row_shares.h"
#include "device/cpu/run_experts.h"
#include "device/cpu/run_products.h"
#include "device/cpu/run_rows.h"

namespace ceiling::cpu {
namespace {

class PhaseRunner {
 public:
  PhaseRunner(const Machine& machine, StepState& step, ThreadState& thread, Team& team)
      : machine_(machine), step_(step), thread_(thread), team_(team) {}

  void run(std::size_t index, bool last) {
    queues_ = {&step_.queues, index};
    step_.queues.begin_phase(index, team_.index());
    std::visit([this](const auto& phase) { (*this)(phase); }, machine_.plan->phases[index]);
    if (!last) barrier();
  }

 private:
  void barrier() {
    team_.barrier();
    thread_.clock.mark(wait_line(*machine_.plan));
  }

  // `then(row)` follows the last stage's operations on each row. Returns true where every thread
  // did that last stage for itself.
  template <typename Then>
  bool rows(const RowWork& work, bool barrier_after, Then then) {
    bool repeated = true;
    for (std::size_t s = 0; s < work.stages.size(); ++s) {
      const RowStage& stage = work.stages[s];
      const bool is_last = s + 1 == work.stages.size();
      repeated = redundant(stage, step_.few);
      const std::size_t count = step_.count(stage.rows);
      const RowRange mine =
          repeated ? RowRange{0, count} : share_of(count, team_.index(), team_.threads(), 1);
      for (std::size_t r = mine.begin; r < mine.end; ++r) {
        run_row(machine_, step_, thread_, stage, r);
        if (is_last) then(stage, r);
      }
      thread_.clock.mark(work.line);
      if (!repeated && (!is_last || barrier_after)) barrier();
    }
    return repeated;
  }

  void operator()(const RowPhase& phase) {
    rows(phase.work, false, [](const RowStage&, std::size_t) {});
  }

  void operator()(const ProductPhase& phase) {
    const std::size_t n = step_.count(phase.rows);
    const bool own = redundant(phase.before.stages.back(), step_.few);
    std::byte* const prepared = own ? thread_.prepared : step_.prepared;
    rows(phase.before, true, [&](const RowStage&, std::size_t r) {
      prepare_input(machine_, thread_, phase, n, r, prepared);
    });
    run_products(machine_, step_, thread_, team_, phase, prepared, queues_);
  }

  void operator()(const AttentionPhase& phase) {
    rows(phase.before, true, [](const RowStage&, std::size_t) {});
    run_attention(machine_, step_, thread_, team_, phase, queues_);
    thread_.clock.mark(phase.line);
  }

  void operator()(const ExpertPhase& phase) {
    rows(phase.before, true, [](const RowStage&, std::size_t) {});
    run_experts(machine_, step_, thread_, team_, phase);
  }

  const Machine& machine_;
  StepState& step_;
  ThreadState& thread_;
  Team& team_;
  PhaseQueues queues_{};
};

}  // namespace

void run_phases(const Machine& machine, StepState& step, ThreadState& thread, Team& team) {
  PhaseRunner runner(machine, step, thread, team);
  const std::size_t phases = machine.plan->phases.size();
  thread.slots = step.few ? thread.few_slots.data() : thread.many_slots.data();
  if (!step.few && !machine.plan->rope_tables.empty()) {  // for few rows they are ready
    const RowRange mine = share_of(step.rows, team.index(), team.threads(), 1);
    for (std::size_t r = mine.begin; r < mine.end; ++r) fill_rope_tables(*machine.plan, step, r);
    thread.clock.mark(set_up_line(*machine.plan));
    team.barrier();
    thread.clock.mark(wait_line(*machine.plan));
  }
  for (std::size_t i = 0; i < phases; ++i) runner.run(i, i + 1 == phases);
}

}  // namespace ceiling::cpu
