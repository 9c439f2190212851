// Scalar quantisation, for synthetic weights, tests and `ceiling quantize`.
#pragma once

#include <cstddef>

#include "quant/tensor_type.h"

namespace ceiling {

// in: [n] finite float32; out: row_bytes(type, n) bytes. n is a multiple of block_elements.
// importance: [n] non-negative weights of each column's squared error, or nullptr.
void quantise_row(TensorType type, const float* in, std::byte* out, std::size_t n,
                  const float* importance = nullptr);

}  // namespace ceiling
