// Dilation: products that read more bytes, or compute more often, than they need to, so that the
// lab can see which of the two their time follows.
#pragma once

#include "device/cpu/step.h"
#include "os/memory_map.h"

namespace ceiling::cpu {

// Memory for the added reads: far more than the caches hold, written once so that it is real, a
// part for each thread.
os::AnonymousMemory make_added_memory(unsigned threads);
AddedReads part_of(const os::AnonymousMemory& memory, unsigned thread, unsigned threads);

// Whether every product of the plan has kernels with added work.
bool has_trials(const Plan& plan, const MatMul& matmul);

// Outputs [begin, end) of one matrix for one row of activations, with the added work; `reads` moves
// on by what was read.
void multiply_trial(const MatMul& matmul, const AddedWork& work, AddedReads& reads,
                    const Matrix& matrix, std::size_t begin, std::size_t end,
                    const std::byte* prepared, float* y);

}  // namespace ceiling::cpu
