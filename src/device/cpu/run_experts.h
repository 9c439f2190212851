// Runs the products of the experts that each row chose.
#pragma once

#include "device/cpu/run_products.h"
#include "device/cpu/step.h"
#include "device/cpu/thread_pool.h"

namespace ceiling::cpu {

// This thread's share, the barrier between preparing the rows and multiplying them included.
void run_experts(const Machine& machine, const StepState& step, ThreadState& thread, Team& team,
                 const ExpertPhase& phase);

// Also notes in the phase how long a prepared row can be.
void grow(ProductMemory& memory, const MatMul& matmul, ExpertPhase& phase, std::size_t max_rows);

}  // namespace ceiling::cpu
