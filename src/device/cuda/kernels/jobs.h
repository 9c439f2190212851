// What each kernel is asked to do, and the functions that launch them. Pointers are to device
// memory; activations are float32, row after row without gaps.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "model/cost.h"
#include "model/program.h"
#include "quant/tensor_type.h"

namespace ceiling::cuda {

// Where kernels go, and what the card has.
struct Stage {
  cudaStream_t stream = nullptr;
  unsigned multiprocessors = 1;
  std::size_t shared_limit = std::size_t{48} * 1024;  // bytes a block may ask for
  bool overlap = false;  // a kernel may start, and load weights, before the one before has ended
};

// Rows of a batch as kernels see them.
struct Rows {
  const std::int32_t* token = nullptr;
  const std::uint32_t* position = nullptr;
  const std::uint32_t* table = nullptr;      // where the row's page table begins in `pages`
  const std::uint32_t* logit_row = nullptr;  // the batch row of each logit row
  const std::uint32_t* pages = nullptr;
};

struct Matrix {
  const std::uint8_t* data = nullptr;  // as weights.cu lays it out
  TensorType type = TensorType::F32;
  std::uint64_t all_rows = 0;  // of all groups
  std::uint32_t rows = 0, cols = 0;
};

struct Output {
  const float* bias = nullptr;  // [rows]
  float* out = nullptr;         // [n, rows]
};

// Up to three matrices times the same few rows. With `norm`, the rows are normalised first. The
// first `first_other` matrices have the type of the first; the others that of the last.
struct Matvec {
  static constexpr unsigned kMostRows = 8;
  const float* x = nullptr;  // [n, cols]
  std::uint32_t n = 0;
  const float* norm = nullptr;  // [cols]; null: none
  float epsilon = 0;
  float* normed = nullptr;  // [n, cols] where others read it too
  Matrix matrix[3];
  Output output[3];
  std::uint32_t count = 1;
  std::uint32_t first_other = 1;
  const float* add = nullptr;  // [n, rows], to the only matrix's output
  bool gated = false;          // matrix 0 is the gate, 1 what it multiplies; output 0 is written
  Activation activation = Activation::silu;
};
bool matvec_fits(const Stage& stage, const Matvec& job);  // few rows, and in shared memory
bool matvec_pairs(TensorType first, TensorType other);    // one kernel has both
void launch_matvec(const Stage& stage, const Matvec& job);
bool matvec_has_ring(const Stage& stage, const Matvec& job);  // one long row, of most types
void launch_matvec_ring(const Stage& stage, const Matvec& job);

// The largest element of a row that is left as it is.
inline constexpr float kHalfRowsRoom = 32768.0F;

// Rows made ready for a matrix product on tensor cores: float16, each row multiplied by a power of
// two where it would overflow; scale[row] undoes that.
struct HalfRows {
  const float* x = nullptr;
  std::uint32_t n = 0, cols = 0;
  const float* norm = nullptr;
  float epsilon = 0;
  float* normed = nullptr;
  const float* gate = nullptr;  // x becomes activation(gate) * x
  Activation activation = Activation::silu;
  void* out = nullptr;     // [n, cols] float16
  float* scale = nullptr;  // [n]
};
void launch_half_rows(const Stage& stage, const HalfRows& job);

struct Range {
  std::uint32_t first, count;
};
// A part of a matrix as float16 [rows, columns]; columns begin and end at multiples of 256, or of
// what the matrix has.
void launch_half_matrix(const Stage& stage, const Matrix& matrix, Range rows, Range columns,
                        void* out);

// out[i, r] = (x_i . w_r) * scale[i] + bias[r] + add[i, r], r < rows; x and w are float16.
struct Gemm {
  const void* x = nullptr;  // [n, cols]
  const void* w = nullptr;  // [rows, cols]
  std::uint32_t n = 0, rows = 0, cols = 0;
  std::uint32_t x_pitch = 0;     // of x, in elements; launch_gemm takes cols
  const float* scale = nullptr;  // null: 1
  const float* bias = nullptr;
  const float* add = nullptr;  // pitch as out
  float* out = nullptr;
  std::uint32_t pitch = 0;  // of out, in floats
};
void launch_gemm(const Stage& stage, const Gemm& job);
// The end of a Gemm by itself: out = product * scale + bias + add; `product` may be out.
void launch_gemm_end(const Stage& stage, const Gemm& job, const float* product);

struct Turn {  // head norm and rotation of one value's heads
  float* value = nullptr;
  std::uint32_t heads = 0, width = 0;  // width of a head
  const float* norm = nullptr;         // [width]
  float epsilon = 0;
  const double* frequency = nullptr;  // [rotated / 2]; null: no rotation
  std::uint32_t rotated = 0;
  RopeLayout layout = RopeLayout::adjacent;
};

// The keys or the values of one layer in a page: [kv_head, position, padded width], then, in Q8_0,
// the scales [kv_head, position, padded width / 32] as float16.
struct KvPlane {
  std::uint64_t offset = 0;  // in a page, bytes
  std::uint64_t scales = 0;  // likewise
  std::uint32_t width = 0, padded = 0;
};
struct KvLayer {
  std::uint8_t* base = nullptr;
  std::uint64_t page_bytes = 0;
  std::uint32_t kv_heads = 0;
  std::uint32_t page_positions = 0;
  KvType type = KvType::f16;
  KvPlane key, value;
};

// Queries and keys are turned; keys and values go to the cache. Parts with 0 heads are left out.
struct TurnAndAppend {
  std::uint32_t n = 0;
  Turn query, key;
  const float* value = nullptr;
  bool append = false;
  KvLayer kv;
  Rows rows;
};
void launch_turn_and_append(const Stage& stage, const TurnAndAppend& job);

// From here on reading the cache takes longer than joining what blocks have read of it.
inline constexpr std::uint32_t kDeep = 256;
struct Attend {
  std::uint32_t n = 0;
  const float* query = nullptr;
  float* out = nullptr;
  std::uint32_t heads = 0;
  float scale = 0;
  float soft_cap = 0;        // 0: none
  std::uint32_t window = 0;  // 0: none
  KvLayer kv;
  Rows rows;
  std::uint32_t splits = 1;           // of the positions, at most
  bool deep = false;                  // some row is at position kDeep or after
  float* partials = nullptr;          // see attend_partial_floats
  std::uint32_t* finished = nullptr;  // [n * heads], 0 between kernels
};
// How many blocks share the positions of one row and KV head; floats that they need.
std::uint32_t attend_splits(const Stage& stage, std::uint32_t n, std::uint32_t kv_heads);
std::uint64_t attend_partial_floats(std::uint32_t n, std::uint32_t heads, std::uint32_t splits,
                                    std::uint32_t padded_width);
void launch_attend(const Stage& stage, const Attend& job);
// On tensor cores, for rows of a sequence each: a page at a time, read while the kernel before is
// at work. With `turn`, its queries are turned, its keys and values appended on the way.
bool attends_by_page(const Stage& stage, const Attend& job);
void launch_attend_by_page(const Stage& stage, const Attend& job, const TurnAndAppend* turn);
// On tensor cores, for rows that are one sequence's positions in order.
bool attends_as_prompt(const Stage& stage, const Attend& job);
void launch_attend_prompt(const Stage& stage, const Attend& job);

// One operation each.
void launch_embed(const Stage& stage, const Matrix& table, const Rows& rows, std::uint32_t n,
                  float scale, float* out);
void launch_norm(const Stage& stage, const float* in, const float* weight, float epsilon,
                 std::uint32_t group, std::uint64_t groups, float* out);
void launch_gated(const Stage& stage, const float* gate, const float* up, Activation activation,
                  std::uint64_t count, float* out);
void launch_add(const Stage& stage, const float* a, const float* b, std::uint64_t count,
                float* out);
void launch_select(const Stage& stage, const float* in, std::uint32_t width, const Rows& rows,
                   std::uint32_t logit_rows, float* out);
void launch_soft_cap(const Stage& stage, float* value, float cap, std::uint64_t count);
void launch_route(const Stage& stage, const float* logits, std::uint32_t n, std::uint32_t experts,
                  std::uint32_t used, float* out);
struct Grouped {
  const float* x = nullptr;
  const float* routing = nullptr;  // [n, 2 used]
  Matrix matrix;                   // rows of one expert
  std::uint32_t n = 0, used = 0;
  bool in_apart = false, combine = false;
  float* out = nullptr;
};
void launch_grouped(const Stage& stage, const Grouped& job);

// Stored blocks -> the layout that kernels read; equal for most types (repacked() says).
bool repacked(TensorType type);
void launch_repack(const Stage& stage, TensorType type, const std::uint8_t* stored,
                   std::uint64_t first_row, std::uint64_t rows, std::uint64_t all_rows,
                   std::uint32_t cols, std::uint8_t* out);

// Reads all bytes once; the sum goes to *sink, so that nothing can be left out.
void launch_read(const Stage& stage, const void* data, std::uint64_t bytes, std::uint32_t* sink);

}  // namespace ceiling::cuda
