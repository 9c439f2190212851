// Runs matrix products with what is fused to them.
#pragma once

#include "device/cpu/step.h"
#include "device/cpu/thread_pool.h"

namespace ceiling::cpu {

// Prepares row r of the phase's input, of n, for each of the products' preparations.
void prepare_input(const Machine& machine, ThreadState& thread, const ProductPhase& phase,
                   std::size_t n, std::size_t r, std::byte* prepared);

// This thread's share of the products; the n rows of `prepared` are complete.
void run_products(const Machine& machine, const StepState& step, ThreadState& thread,
                  const Team& team, const ProductPhase& phase, const std::byte* prepared,
                  const PhaseQueues& queues);

// Memory that a phase needs for any number of rows up to max_rows.
struct ProductMemory {
  std::size_t few_prepared = 0;   // bytes, of each thread
  std::size_t many_prepared = 0;  // bytes, shared
  std::size_t workspace = 0;      // bytes, of each thread
  std::size_t wide_floats = 0;    // of one half, of each thread
};
void grow(ProductMemory& memory, const MatMul& matmul, const ProductPhase& phase,
          std::size_t max_rows);

}  // namespace ceiling::cpu
