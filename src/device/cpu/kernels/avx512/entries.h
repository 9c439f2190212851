// The AVX-512 set's products, one translation unit each.
#pragma once

#include "device/cpu/kernels/kernel_set.h"

namespace ceiling::cpu {

void multiply_few_avx512(const Product& product);     // any type; activations of few_preparation()
void multiply_prompt_avx512(const Product& product);  // quantised types; RowBlock activations

}  // namespace ceiling::cpu
