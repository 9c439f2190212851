// The AMX set's products by tiles. All else is the AVX-512 set's.
#pragma once

#include "device/cpu/kernels/kernel_set.h"

namespace ceiling::cpu {

// BF16, many rows of bf16 activations (prepare_bf16_avx512()).
void multiply_prompt_bf16_amx(const Product& product);
std::size_t prompt_bf16_workspace_amx(std::size_t n);

}  // namespace ceiling::cpu
