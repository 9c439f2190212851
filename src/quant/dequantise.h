// Scalar dequantisation: the oracle for every kernel. Bit for bit equal to the `gguf` package's.
#pragma once

#include <cstddef>

#include "quant/tensor_type.h"

namespace ceiling {

// blocks: row_bytes(type, n) bytes; out: [n] float32. n is a multiple of the type's block_elements.
void dequantise_row(TensorType type, const std::byte* blocks, float* out, std::size_t n);

float half_to_float(std::uint16_t half);    // IEEE binary16, subnormals and infinities included
std::uint16_t float_to_half(float value);   // round to nearest even
float bfloat_to_float(std::uint16_t bf);
std::uint16_t float_to_bfloat(float value); // round to nearest even; NaN stays NaN

}  // namespace ceiling
