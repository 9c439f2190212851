// Scalar dequantisation: the oracle for every kernel. Bit for bit equal to the `gguf` package's.
#pragma once

#include <cstddef>

#include "quant/half.h"
#include "quant/tensor_type.h"

namespace ceiling {

// blocks: row_bytes(type, n) bytes, of any alignment; out: [n] float32. n is a multiple of the
// type's block_elements. The layouts are in quant/blocks.h.
void dequantise_row(TensorType type, const std::byte* blocks, float* out, std::size_t n);

}  // namespace ceiling
