// Matrix products over weights as they lie in the file: y[n, rows] = x[n, cols] * W[rows, cols]^T.
// One interface for one row (decode), a few (batches) and many (prompts); the best kernel for the
// instruction set, tensor type and number of rows is chosen inside. The weights are read where they
// are; no second copy is kept.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "quant/tensor_type.h"

namespace ceiling::cpu {

struct KernelSet;

// How activations are laid out for a product: float32, bf16, or int8 with a scale for each 32
// columns (and their sums), permuted into the order in which the kernel reads the weights' bits.
// Prepared once for each input and shared by all matrices that ask for the same preparation; only
// equality means anything to a caller.
enum class Preparation : std::uint8_t { f32, bf16, q8, q8_small, q8_paired, q8_halved, q8_rows };

struct MatMulShape {
  TensorType type = TensorType::F32;
  std::size_t rows = 0;  // of W: outputs
  std::size_t cols = 0;  // of W: inputs; a multiple of the type's block
};

// Work that the lab adds to a product of one row of activations, its results unchanged: if the time
// then grows with the arithmetic, the product was bound by it; if with the bytes read, by memory.
struct Trial {
  std::uint32_t arithmetic = 1;      // times that each step is computed
  const std::byte* extra = nullptr;  // memory of extra_bytes that is read besides, in order and
  std::size_t extra_bytes = 0;       // from its start again: as many bytes as the weights read
};

class MatMul {
 public:
  // isa: one of supported_isas().
  explicit MatMul(Isa isa);

  // The preparation that multiply() expects for weights of `type` and n rows of activations.
  Preparation preparation(TensorType type, std::size_t n) const;

  // Bytes of one prepared row of `cols` activations; rows are stored one after another at this
  // pitch (a multiple of 64, the buffer 64-byte aligned).
  std::size_t prepared_bytes(Preparation preparation, std::size_t cols) const;

  // x: [cols] float32, finite -> prepared: prepared_bytes(). Any thread may prepare any row.
  void prepare(Preparation preparation, const float* x, std::size_t cols,
               std::byte* prepared) const;

  // Scratch that each thread must give to multiply(), 64-byte aligned; it may be 0.
  std::size_t workspace_bytes(const MatMulShape& shape, std::size_t n) const;

  // y[i * y_pitch + r] = sum_c W[r, c] x[i, c] for r in [row_begin, row_end), i in [0, n).
  // weights: row 0 of W, rows at row_bytes(type, cols); prepared: n rows, each prepared with
  // preparation(type, n). A thread takes a contiguous range of rows; results do not depend on how
  // rows are divided among threads, nor on the other rows of x while n takes the same kernel.
  void multiply(const MatMulShape& shape, const std::byte* weights, std::size_t row_begin,
                std::size_t row_end, const std::byte* prepared, std::size_t n, float* y,
                std::size_t y_pitch, std::byte* workspace) const;

  // Whether multiply_trial() has kernels for the type (Q4_0, Q8_0, Q4_K, Q6_K and F16 on x86-64).
  bool has_trial(TensorType type) const;

  // multiply() of one row of activations (n = 1) with added work, by kernels compiled apart from
  // those of multiply(). The results are the same bits. Only where has_trial().
  void multiply_trial(const Trial& trial, const MatMulShape& shape, const std::byte* weights,
                      std::size_t row_begin, std::size_t row_end, const std::byte* prepared,
                      float* y) const;

  // Row ranges given to threads run fastest when they start at multiples of this.
  std::size_t row_granule(const MatMulShape& shape, std::size_t n) const;

 private:
  const KernelSet* kernels_;
};

}  // namespace ceiling::cpu
