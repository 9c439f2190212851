// What each instruction set provides. One set, one function here; the sets' own code stays in their
// translation units, which are compiled with their own flags.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/cpu/matmul.h"

namespace ceiling::cpu {

// One call of MatMul::multiply().
struct Product {
  TensorType type = TensorType::F32;
  std::size_t cols = 0;
  const std::byte* weights = nullptr;  // row 0
  std::size_t row_bytes = 0;
  std::size_t row_begin = 0, row_end = 0;
  const std::byte* prepared = nullptr;  // n rows at prepared_pitch
  std::size_t prepared_pitch = 0;
  std::size_t n = 0;
  ReadOrder order = ReadOrder::many_streams;
  float* y = nullptr;
  std::size_t y_pitch = 0;  // floats
  std::byte* workspace = nullptr;
};

// Of activations in int8: the rounded values themselves, or what rounding them left, rounded.
enum class Term : std::uint8_t { first, second };

// Functions as MatMul documents them; terms are rows of their own to all but prepare().
struct KernelSet {
  Preparation (*preparation)(TensorType type, std::size_t n);
  std::size_t (*prepared_bytes)(Preparation preparation, std::size_t cols);
  void (*prepare)(Preparation preparation, Term term, const float* x, std::size_t cols,
                  std::byte* prepared);
  std::size_t (*workspace_bytes)(const MatMulShape& shape, std::size_t n);
  void (*multiply)(const Product& product);
  std::size_t (*row_granule)(const MatMulShape& shape, std::size_t n);
  // May be null; false: no kernel for the type. An empty product only asks.
  bool (*multiply_trial)(const Product& product, const Trial& trial) = nullptr;
};

const KernelSet& portable_kernels();
const KernelSet& avx2_kernels();    // x86-64 only
const KernelSet& avx512_kernels();  // x86-64 only
// x86-64 only; of all types but BF16 avx512's results.
const KernelSet& avx512_bf16_kernels();  // where has_avx512_bf16()
const KernelSet& amx_kernels();
// Where has_avx512_bf16(); but for Q4_K by three and four rows of activations avx512_bf16's
// results.
const KernelSet& zen5_kernels();
const KernelSet& neon_kernels();       // AArch64 only
const KernelSet& neon_i8mm_kernels();  // AArch64 only, where has_neon_i8mm(); the same results

}  // namespace ceiling::cpu
