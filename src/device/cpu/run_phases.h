// One thread's way through a plan.
#pragma once

#include "device/cpu/step.h"
#include "device/cpu/thread_pool.h"

namespace ceiling::cpu {

// Lines of the profile beside the plan's own.
inline std::size_t wait_line(const Plan& plan) { return plan.lines.size(); }
inline std::size_t set_up_line(const Plan& plan) { return plan.lines.size() + 1; }
inline std::size_t line_count(const Plan& plan) { return plan.lines.size() + 2; }

// Runs every phase; all threads of the team call it together.
void run_phases(const Machine& machine, StepState& step, ThreadState& thread, Team& team);

}  // namespace ceiling::cpu
