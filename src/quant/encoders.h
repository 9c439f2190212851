// Quantisation of rows of blocks, one set of functions an instruction set, all from one source
// (encoders.inc): they write the same bytes, some faster. Internal to quantise.cc and its tests.
#pragma once

#include <cstddef>

#include "base/isa.h"
#include "quant/tensor_type.h"

namespace ceiling::quantising {

// in: [n] finite weights, n a multiple of the type's block, which has more than one element;
// importance: of each, non-negative and finite, or nullptr. out may have any alignment.
using EncodeRow = void (*)(TensorType type, const float* in, const float* importance, std::size_t n,
                           std::byte* out);

// isa: one of supported_isas().
EncodeRow encoder(Isa isa);

// Each in its own translation unit; null where it was not compiled for this processor.
EncodeRow portable_encoder();
EncodeRow avx2_encoder();
EncodeRow avx512_encoder();

}  // namespace ceiling::quantising
