// The NEON set's products, one translation unit each. See avx512/entries.h.
#pragma once

#include "device/cpu/kernels/kernel_set.h"

namespace ceiling::cpu {

void multiply_few_neon(const Product& product);
void multiply_prompt_neon(const Product& product);
std::size_t prompt_workspace_neon(TensorType type, std::size_t n);
void multiply_prompt_neon_i8mm(const Product& product);
std::size_t prompt_workspace_neon_i8mm(TensorType type, std::size_t n);
void multiply_prompt_float_neon(const Product& product);
std::size_t prompt_float_workspace_neon(std::size_t n);

}  // namespace ceiling::cpu
