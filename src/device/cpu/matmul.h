// Matrix products over weights as they lie in the file: y[n, rows] = x[n, cols] * W[rows, cols]^T.
// One interface for one row (decode), a few (batches) and many (prompts); the best kernel for the
// instruction set, tensor type and number of rows is chosen inside.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "quant/tensor_type.h"

namespace ceiling::cpu {

// How activations are prepared for a product with weights of a type: int8 with one scale for each
// 32 columns (and their sums) for quantised types; float32, or bf16 pairs, for float types.
// Prepared once for each input, shared by all matrices of the same preparation.
enum class Preparation : std::uint8_t { f32, bf16, q8 };

struct MatMulShape {
  TensorType type = TensorType::F32;
  std::size_t rows = 0;   // of W: outputs
  std::size_t cols = 0;   // of W: inputs; a multiple of the type's block
};

class MatMul {
 public:
  explicit MatMul(Isa isa);

  Preparation preparation(TensorType type, std::size_t n) const;

  // Bytes of one prepared row of `cols` activations; rows are stored one after another at this pitch
  // (a multiple of 64, the buffer 64-byte aligned).
  std::size_t prepared_bytes(Preparation preparation, std::size_t cols) const;

  // x: [cols] float32, finite -> prepared: prepared_bytes(). Any thread may prepare any row.
  void prepare(Preparation preparation, const float* x, std::size_t cols, std::byte* prepared) const;

  // Scratch that each thread must give to multiply(), 64-byte aligned.
  std::size_t workspace_bytes(const MatMulShape& shape, std::size_t n) const;

  // y[i * y_pitch + r] = sum_c W[r, c] x[i, c] for r in [row_begin, row_end), i in [0, n).
  // weights: row 0 of W, rows at row_bytes(type, cols). A thread takes a contiguous range of rows;
  // results do not depend on how rows are divided among threads.
  void multiply(const MatMulShape& shape, const std::byte* weights, std::size_t row_begin,
                std::size_t row_end, const std::byte* prepared, std::size_t n, float* y,
                std::size_t y_pitch, std::byte* workspace) const;

  // Row ranges given to threads should start at multiples of this (1 for decode).
  std::size_t row_granule(const MatMulShape& shape, std::size_t n) const;

 private:
  Isa isa_;
};

}  // namespace ceiling::cpu
