// What happens to activations between the matrix products, and attention over a page of the KV
// cache. One set of functions an instruction set, the same source for all of them
// (row_kernels.inc), compiled with each set's flags.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/isa.h"

namespace ceiling::cpu {

inline constexpr std::size_t kPagePositions = 64;  // of a KV page
inline constexpr std::size_t kQueryTile = 6;       // queries that share each load of a page

// One head's keys and values in a page. Keys lie by element: key[element][position], so that
// scores need no sum across a vector; values by position: value[position][value_pitch].
struct HalfPage {  // float16
  const std::uint16_t* keys;
  const std::uint16_t* values;
};
// Q8_0: int8 with a float16 scale for each 32 elements of a head.
inline constexpr std::size_t kQ8Elements = 32;
struct Q8Page {
  const std::int8_t* keys;
  const std::int8_t* values;
  const std::uint16_t* key_scales;    // [element / 32][position]
  const std::uint16_t* value_scales;  // [position][value_scale_count]
  std::size_t value_scale_count;
};

// Which of a page's positions a query sees: [begin, end), within [0, kPagePositions].
struct Visible {
  std::uint32_t begin, end;
};

// Online softmax (Milakov and Gimelshein 2018) of `queries` queries against one KV head, a page a
// call. Before the first page: largest -infinity, sum 0, weighted 0. After the last, the output is
// weighted / sum.
struct AttentionState {
  const float* query;      // [queries][key_width], times the scale
  float* largest;          // [queries] score so far
  float* sum;              // [queries] of exp(score - largest)
  float* weighted;         // [queries][value_pitch] sum of exp(score - largest) x value
  const Visible* visible;  // [queries]
  std::size_t queries;
  std::size_t key_width;
  std::size_t value_pitch;  // elements; a multiple of 16
  float soft_cap;           // 0: none
};

struct RowKernels {
  // out = x / sqrt(mean(x^2) + epsilon) * weight; out may be x.
  void (*rms_norm)(const float* x, const float* weight, float epsilon, std::size_t n, float* out);
  void (*add)(const float* a, const float* b, std::size_t n, float* out);  // out may be a or b
  void (*scale)(const float* x, float factor, std::size_t n, float* out);  // out may be x
  void (*silu_times)(const float* gate, const float* up, std::size_t n, float* out);
  void (*gelu_times)(const float* gate, const float* up, std::size_t n, float* out);
  void (*soft_cap)(const float* x, float cap, std::size_t n, float* out);  // cap tanh(x / cap)
  // Turns `rotated` leading elements of a head; cosine, sine: [rotated / 2]. out may be x.
  void (*rope_halves)(const float* x, const float* cosine, const float* sine, std::size_t rotated,
                      float* out);
  void (*rope_adjacent)(const float* x, const float* cosine, const float* sine, std::size_t rotated,
                        float* out);
  // Rounds to float16, ties to even; what is beyond +-65504 becomes that.
  void (*to_half)(const float* x, std::size_t n, std::uint16_t* out);
  // n <= 32 elements -> int8 out; the scale as float16.
  std::uint16_t (*to_q8)(const float* x, std::size_t n, std::int8_t* out);
  void (*attend_half)(const AttentionState& state, const HalfPage& page);
  void (*attend_q8)(const AttentionState& state, const Q8Page& page);
  // out += factor * x
  void (*add_scaled)(const float* x, float factor, std::size_t n, float* out);
};

// isa: one of supported_isas().
const RowKernels& row_kernels(Isa isa);

// Each in its own translation unit; null where it was not compiled for this processor.
const RowKernels* portable_row_kernels();
const RowKernels* avx2_row_kernels();
const RowKernels* avx512_row_kernels();
const RowKernels* neon_row_kernels();

}  // namespace ceiling::cpu
