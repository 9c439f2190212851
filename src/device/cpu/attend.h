// Runs attention: blocks of queries against the pages of the KV cache.
#pragma once

#include "device/cpu/step.h"
#include "device/cpu/thread_pool.h"

namespace ceiling::cpu {

inline constexpr std::size_t kBlockQueries = 48;  // of one KV head, that share each page read
inline constexpr std::size_t kSplitItems = 48;    // pieces of work that few rows are split into

// Partial states that a run may leave: of `rows` rows with that many query heads.
constexpr std::size_t partial_states(std::size_t rows, std::size_t heads) {
  return rows * heads + kSplitItems * (kBlockQueries + heads);
}

// This thread's share of an attention phase, barriers between its parts included.
void run_attention(const Machine& machine, StepState& step, ThreadState& thread, Team& team,
                   const AttentionPhase& phase, const PhaseQueues& queues);

// The output of attention for one row, from the partial states.
void merge_row(const Machine& machine, const StepState& step, std::size_t splits,
               const MergeRow& op, std::size_t row, float* out);

}  // namespace ceiling::cpu
