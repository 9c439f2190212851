#include "quant/quantise.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

#include "quant/blocks.h"
#include "quant/half.h"
#include "quant/quantise_block.h"

namespace ceiling {
namespace {

template <typename Block, std::size_t elements>
void encode_blocks(const float* in, std::byte* out, std::size_t n, const float* importance) {
  for (std::size_t i = 0; i < n; i += elements) {
    Block block{};
    quantising::encode(in + i, importance == nullptr ? nullptr : importance + i, block);
    std::memcpy(out, &block, sizeof block);  // any alignment
    out += sizeof block;
  }
}

std::uint16_t finite_bfloat(float value) {
  constexpr float kLargest = 0x1.fep127f;
  return float_to_bfloat(std::clamp(value, -kLargest, kLargest));
}

template <std::uint16_t (*convert)(float)>
void encode_sixteen(const float* in, std::byte* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint16_t bits = convert(in[i]);
    std::memcpy(out + 2 * i, &bits, sizeof bits);
  }
}

}  // namespace

void quantise_row(TensorType type, const float* in, std::byte* out, std::size_t n,
                  const float* importance) {
  assert(n % info(type).block_elements == 0);
  using enum TensorType;
  switch (type) {
    case F32:
      std::memcpy(out, in, n * sizeof(float));
      return;
    case F16:
      encode_sixteen<quantising::finite_half>(in, out, n);
      return;
    case BF16:
      encode_sixteen<finite_bfloat>(in, out, n);
      return;
    case Q4_0:
      encode_blocks<BlockQ4_0, kSmallBlock>(in, out, n, importance);
      return;
    case Q4_1:
      encode_blocks<BlockQ4_1, kSmallBlock>(in, out, n, importance);
      return;
    case Q5_0:
      encode_blocks<BlockQ5_0, kSmallBlock>(in, out, n, importance);
      return;
    case Q5_1:
      encode_blocks<BlockQ5_1, kSmallBlock>(in, out, n, importance);
      return;
    case Q8_0:
      encode_blocks<BlockQ8_0, kSmallBlock>(in, out, n, importance);
      return;
    case Q2_K:
      encode_blocks<BlockQ2_K, kSuperBlock>(in, out, n, importance);
      return;
    case Q3_K:
      encode_blocks<BlockQ3_K, kSuperBlock>(in, out, n, importance);
      return;
    case Q4_K:
      encode_blocks<BlockQ4_K, kSuperBlock>(in, out, n, importance);
      return;
    case Q5_K:
      encode_blocks<BlockQ5_K, kSuperBlock>(in, out, n, importance);
      return;
    case Q6_K:
      encode_blocks<BlockQ6_K, kSuperBlock>(in, out, n, importance);
      return;
    case IQ4_NL:
      encode_blocks<BlockIQ4_NL, kSmallBlock>(in, out, n, importance);
      return;
    case IQ4_XS:
      encode_blocks<BlockIQ4_XS, kSuperBlock>(in, out, n, importance);
      return;
  }
}

}  // namespace ceiling
