// Random weights made directly as blocks of a tensor type, without quantising anything.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/tensor_type.h"

namespace ceiling {

// Fills `blocks` blocks of a type with the numbers of one random stream: the same stream gives the
// same bytes. Weights have mean zero and a deviation of `scale` times unit_deviation(type).
void fill_blocks(TensorType type, std::byte* out, std::size_t blocks, std::uint64_t stream,
                 float scale);

// Deviation of the weights of fill_blocks at a scale of one.
double unit_deviation(TensorType type);

// A stream of its own for each triple.
std::uint64_t random_stream(std::uint64_t seed, std::uint64_t tensor, std::uint64_t piece);

}  // namespace ceiling
