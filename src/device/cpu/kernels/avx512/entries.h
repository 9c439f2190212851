// The AVX-512 set's products, one translation unit each.
#pragma once

#include "device/cpu/kernels/kernel_set.h"

namespace ceiling::cpu {

// Any type; one and a few rows of activations.
void multiply_few_avx512(const Product& product);

// A few rows of activations (RowBlock); the types that have it.
bool has_batch_avx512(TensorType type);
void multiply_batch_avx512(const Product& product);

// Quantised types, many rows of activations (RowBlock).
void multiply_prompt_avx512(const Product& product);
std::size_t prompt_workspace_avx512(TensorType type, std::size_t n);

// F32, F16 and BF16, many rows of float32 activations.
void multiply_prompt_float_avx512(const Product& product);
std::size_t prompt_float_workspace_avx512(std::size_t n);

// BF16, many rows of bf16 activations; only where has_avx512_bf16().
void multiply_prompt_bf16_avx512(const Product& product);
std::size_t prompt_bf16_workspace_avx512(std::size_t n);
void prepare_bf16_avx512(const float* x, std::size_t cols, std::byte* prepared);

// With work added by the lab; false: no kernel for the type.
bool multiply_trial_avx512(const Product& product, const Trial& trial);

}  // namespace ceiling::cpu
