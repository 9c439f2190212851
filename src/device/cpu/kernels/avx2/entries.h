// The AVX2 set's products, one translation unit each. See avx512/entries.h.
#pragma once

#include "device/cpu/kernels/kernel_set.h"

namespace ceiling::cpu {

void multiply_few_avx2(const Product& product);
void multiply_prompt_avx2(const Product& product);
std::size_t prompt_workspace_avx2(TensorType type, std::size_t n);
void multiply_prompt_float_avx2(const Product& product);
std::size_t prompt_float_workspace_avx2(std::size_t n);

// With work added by the lab; false: no kernel for the type.
bool multiply_trial_avx2(const Product& product, const Trial& trial);

}  // namespace ceiling::cpu
