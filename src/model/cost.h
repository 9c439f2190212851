// Exact cost of a step, from the Program that runs: bytes of weights, of KV, of activations;
// operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/batch.h"
#include "model/program.h"

namespace ceiling {

enum class KvType : std::uint8_t { f16, q8_0 };
// Bytes of one head's key or value at one position, in whole blocks.
std::size_t kv_row_bytes(KvType type, std::uint32_t width);

// Bytes of a step by what they are. Each weight counts once, however many rows or operations use
// it; a table of embeddings counts as the rows looked up, or, tied, once as the output head. A
// matrix that no row goes through costs nothing. Experts: the expected number of distinct ones,
// were they drawn evenly.
struct Cost {
  std::uint64_t weight_bytes = 0;
  std::uint64_t kv_read_bytes = 0;     // each sequence's visible positions once a step
  std::uint64_t kv_write_bytes = 0;    // the rows appended
  std::uint64_t activation_bytes = 0;  // float32 values written and read between operations
  double operations = 0;  // multiplications and additions; an exponential or a tanh counts one
  std::uint64_t read_bytes() const { return weight_bytes + kv_read_bytes; }
  Cost& operator+=(const Cost& other);
};

Cost cost(const Program& program, const Batch& batch, KvType kv = KvType::f16);
// One entry a step of the Program; they add up to cost().
std::vector<Cost> cost_by_step(const Program& program, const Batch& batch, KvType kv = KvType::f16);

// Mean cost of a decode step of one sequence while its position runs over [depth, depth + count).
Cost mean_decode_cost(const Program& program, std::uint32_t depth, std::uint32_t count,
                      KvType kv = KvType::f16);

std::uint64_t kv_bytes_per_position(const Program& program, KvType kv = KvType::f16);  // all layers

}  // namespace ceiling
