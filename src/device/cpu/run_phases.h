// One thread's way through a plan.
#pragma once

#include "device/cpu/step.h"
#include "device/cpu/thread_pool.h"

namespace ceiling::cpu {

// Runs every phase; all threads of the team call it together.
void run_phases(const Machine& machine, StepState& step, ThreadState& thread, Team& team);

}  // namespace ceiling::cpu
