// One run of an executable, as all its threads see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "device/cpu/flow.h"
#include "device/cpu/kernels/row_kernels.h"
#include "device/cpu/kv_store.h"
#include "device/cpu/matmul.h"
#include "device/cpu/phases.h"
#include "device/cpu/profile.h"
#include "device/cpu/work_queues.h"
#include "device/device.h"

namespace ceiling::cpu {

// Up to this many rows, threads repeat row work rather than divide it.
inline constexpr std::size_t kFewRows = 4;

// Consecutive rows of one sequence whose queries share what they read of the KV cache.
struct QueryBlock {
  std::size_t first = 0, rows = 0;
  std::uint32_t sequence = 0;
};

// What attention leaves for MergeRow: for each query and each split of its positions, the state of
// an online softmax (AttentionState).
struct Partials {
  float* largest = nullptr;
  float* sum = nullptr;
  float* weighted = nullptr;  // [.][value_pitch]
};

// Shared by the threads; constant while they run, but for the queues and the memory behind the
// pointers.
struct StepState {
  explicit StepState(unsigned threads) : queues(threads) {}
  const Batch* batch = nullptr;
  const PageTables* tables = nullptr;
  std::size_t rows = 0, logit_rows = 0;
  bool few = false;                      // rows <= kFewRows
  bool distinct = false;                 // no two rows are of one sequence
  std::vector<std::uint32_t> logit_row;  // batch row of each
  std::vector<QueryBlock> blocks;
  std::vector<std::uint32_t> block_of_row;
  std::vector<float*> rope;  // by table: [row][cosines, sines]
  Partials partials;
  std::byte* prepared = nullptr;  // activations, where the threads divide the rows
  WorkQueues queues;

  std::size_t count(RowSet set) const { return set == RowSet::batch ? rows : logit_rows; }
};

// A variable's rows in memory.
struct Slot {
  float* data = nullptr;
  std::size_t pitch = 0;
  float* row(std::size_t r) const { return data + r * pitch; }
};

// A thread's place in the memory that AddedWork reads.
struct AddedReads {
  const std::byte* memory = nullptr;
  std::size_t bytes = 0, at = 0;
  std::uint64_t total = 0;  // read since compile
};

// One thread's own.
struct ThreadState {
  std::vector<Slot> few_slots, many_slots;  // by VarId
  const Slot* slots = nullptr;              // of these two, this run's
  std::byte* prepared = nullptr;            // activations, where each thread prepares for itself
  std::byte* workspace = nullptr;           // of MatMul
  float* wide = nullptr;                    // outputs before an activation: two halves
  std::size_t wide_floats = 0;              // of one half
  float* query = nullptr;                   // attention: one block's queries
  float* head = nullptr;                    // one head
  std::vector<Visible> visible;
  std::vector<std::uint32_t> choices;  // of experts
  std::size_t splits = 1;              // of the positions, in the attention phase before
  AddedReads added;
  LineClock clock;
};

// What a segment needs to run, beside the step.
struct Machine {
  const Plan* plan = nullptr;
  MatMul matmul;
  const RowKernels* kernels = nullptr;
  CpuKvStore* kv = nullptr;
  std::optional<AddedWork> added;
};

}  // namespace ceiling::cpu
