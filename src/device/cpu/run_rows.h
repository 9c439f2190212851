// Runs row work.
#pragma once

#include "device/cpu/step.h"

namespace ceiling::cpu {

// All operations of a stage on one row: of the batch, or of the rows whose logits are wanted.
void run_row(const Machine& machine, const StepState& step, ThreadState& thread,
             const RowStage& stage, std::size_t row);

// One head: x -> out by its norm and RoPE, as far as present. `row` is of the batch. out may be x.
void turn_head(const Machine& machine, const StepState& step, const std::optional<HeadNorm>& norm,
               const std::optional<HeadRope>& rope, std::size_t row, const float* x,
               std::size_t width, float* out);

// Fills the RoPE tables for a row.
void fill_rope_tables(const Plan& plan, const StepState& step, std::size_t row);

}  // namespace ceiling::cpu
