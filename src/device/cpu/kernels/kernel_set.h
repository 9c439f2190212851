// What each instruction set provides. One set, one function here; the sets' own code stays in their
// translation units, which are compiled with their own flags.
#pragma once

#include <cstddef>

#include "device/cpu/matmul.h"

namespace ceiling::cpu {

// One call of MatMul::multiply().
struct Product {
  TensorType type;
  std::size_t cols;
  const std::byte* weights;  // row 0
  std::size_t row_bytes;
  std::size_t row_begin, row_end;
  const std::byte* prepared;  // n rows at prepared_pitch
  std::size_t prepared_pitch;
  std::size_t n;
  float* y;
  std::size_t y_pitch;  // floats
  std::byte* workspace;
};

// Functions as MatMul documents them.
struct KernelSet {
  Preparation (*preparation)(TensorType type, std::size_t n);
  std::size_t (*prepared_bytes)(Preparation preparation, std::size_t cols);
  void (*prepare)(Preparation preparation, const float* x, std::size_t cols, std::byte* prepared);
  std::size_t (*workspace_bytes)(const MatMulShape& shape, std::size_t n);
  void (*multiply)(const Product& product);
  std::size_t (*row_granule)(const MatMulShape& shape, std::size_t n);
};

const KernelSet& portable_kernels();
const KernelSet& avx2_kernels();    // x86-64 only
const KernelSet& avx512_kernels();  // x86-64 only
const KernelSet& neon_kernels();    // AArch64 only

}  // namespace ceiling::cpu
