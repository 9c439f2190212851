// Matrix products over weights as they lie in the file: y[n, rows] = x[n, cols] * W[rows, cols]^T.
// One interface for one row (decode), a few (batches) and many (prompts); the best kernel for the
// instruction set, tensor type and number of rows is chosen inside. The weights are read where they
// are; no second copy is kept.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "device/cpu/read_order.h"
#include "quant/tensor_type.h"

namespace ceiling::cpu {

struct KernelSet;

// How activations are laid out for a product: float32, bf16, or int8 with a scale for each 32
// columns (and their sums), permuted into the order in which the kernel reads the weights' bits.
// Nested: the scale of 32 columns is an integer times that of a super-block (kernels/prepared.h).
enum class Preparation : std::uint8_t {
  f32,
  bf16,
  q8,
  q8_small,
  q8_paired,
  q8_halved,
  q8_laned,
  q8_nested_pairs,
  q8_nested,
  q8_nested_halved,
  q8_rows
};

struct MatMulShape {
  TensorType type = TensorType::F32;
  std::size_t rows = 0;  // of W: outputs
  std::size_t cols = 0;  // of W: inputs; a multiple of the type's block
  // Activations as two int8 terms, x ~ s q + s' q', the second rounding what the first left: about
  // 15 bits instead of 8, for twice the arithmetic. Quantised types only.
  bool two_terms = false;
};

// Whether a matrix of a model is small enough to be worth two terms. Rounding to one term costs
// small models most (SmolLM2-135M: 0.11 nats rms in each token's log-probability, 0.04 with two
// terms everywhere but in the head), and small matrices hold little of a large model's work.
constexpr bool takes_two_terms(TensorType type, std::size_t rows, std::size_t cols) {
  constexpr std::size_t limit = std::size_t{1} << 22;
  const bool quantised =
      type != TensorType::F32 && type != TensorType::F16 && type != TensorType::BF16;
  return quantised && rows * cols < limit;
}

// What an input is prepared as. Prepared once and shared by all matrices that ask for the same
// form; only equality means anything to a caller.
struct InputForm {
  Preparation preparation = Preparation::f32;
  bool two_terms = false;
  bool operator==(const InputForm&) const = default;
};

// Work that the lab adds to a product of one row of activations, its results unchanged: if the time
// then grows with the arithmetic, the product was bound by it; if with the bytes read, by memory.
struct Trial {
  // Steps computed again, as a share: 0.25 one in four, 7 all seven times more. Of two terms the
  // first only.
  double arithmetic = 0;
  // Read besides, spread evenly over the product: `amount` bytes of a region of `extra_bytes` (a
  // multiple of 64), from `at` on and, at its end, from its start again.
  const std::byte* extra = nullptr;
  std::size_t extra_bytes = 0, at = 0, amount = 0;
};

class MatMul {
 public:
  // isa: one of supported_isas(). The order changes no bit of a result.
  explicit MatMul(Isa isa, ReadOrder order = usual_read_order());

  // By one set of kernels (kernels/kernel_set.h), which this processor must be able to run: for
  // tests of a set that another one takes the place of where the processor has more.
  explicit MatMul(const KernelSet& kernels, ReadOrder order = usual_read_order());

  // The form that multiply() expects for these weights and n rows of activations.
  InputForm form(const MatMulShape& shape, std::size_t n) const;

  // Bytes of one prepared row of `cols` activations; rows are stored one after another at this
  // pitch (a multiple of 64, the buffer 64-byte aligned).
  std::size_t prepared_bytes(InputForm form, std::size_t cols) const;

  // x: [cols] float32, finite -> prepared: prepared_bytes(). Any thread may prepare any row.
  void prepare(InputForm form, const float* x, std::size_t cols, std::byte* prepared) const;

  // Scratch that each thread must give to multiply(), 64-byte aligned; it may be 0.
  std::size_t workspace_bytes(const MatMulShape& shape, std::size_t n) const;

  // y[i * y_pitch + r] = sum_c W[r, c] x[i, c] for r in [row_begin, row_end), i in [0, n).
  // weights: row 0 of W, rows at row_bytes(type, cols); prepared: n rows, each prepared with
  // form(shape, n). A thread takes a contiguous range of rows; results do not depend on how
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
  ReadOrder order_;
};

}  // namespace ceiling::cpu
