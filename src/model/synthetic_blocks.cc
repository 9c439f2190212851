// Quants are uniform random bits. A block's scale has a random sign where its quants are not
// symmetric around zero, and its minimum lies in the middle of its range where it has one, so that
// the weights' mean is zero.
#include "model/synthetic_blocks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "quant/blocks.h"
#include "quant/dequantise.h"
#include "quant/half.h"

namespace ceiling {
namespace {

// SplitMix64's finaliser (Steele et al. 2014): a bijection that passes statistical tests on
// counters.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15U;

void fill_random(std::byte* out, std::size_t bytes, std::uint64_t stream) {
  std::uint64_t counter = stream;
  std::size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    const std::uint64_t value = mix(counter += kGolden);
    std::memcpy(out + i, &value, 8);
  }
  const std::uint64_t value = mix(counter + kGolden);
  std::memcpy(out + i, &value, bytes - i);
}

// `half` with the sign of random bits.
std::uint16_t with_sign(std::uint16_t half, std::uint16_t random) {
  return half | (random & 0x8000U);
}

// What a block's scales become at a scale of one; `d` is the scale as a half, `minimum` that times
// the middle of the quants' range.
struct Scales {
  std::uint16_t d;
  std::uint16_t minimum;
};

void settle(BlockQ4_0& b, Scales s) { b.d = with_sign(s.d, b.d); }
void settle(BlockQ5_0& b, Scales s) { b.d = with_sign(s.d, b.d); }
void settle(BlockIQ4_NL& b, Scales s) { b.d = with_sign(s.d, b.d); }
void settle(BlockQ4_1& b, Scales s) {
  b.d = s.d;
  b.m = s.minimum | 0x8000U;
}
void settle(BlockQ5_1& b, Scales s) {
  b.d = s.d;
  b.m = s.minimum | 0x8000U;
}
void settle(BlockQ8_0& b, Scales s) {  // real quantisers do not write -128
  b.d = with_sign(s.d, b.d);
  for (std::int8_t& q : b.qs) q = std::max<std::int8_t>(q, -127);
}
void settle(BlockQ2_K& b, Scales s) {
  b.d = s.d;
  b.dmin = s.minimum;
  for (std::uint8_t& both : b.scales) {  // 8..15, the minimum as the scale
    const unsigned scale = 8U | (both & 7U);
    both = static_cast<std::uint8_t>(scale | (scale << 4U));
  }
}
void settle(BlockQ3_K& b, Scales s) { b.d = with_sign(s.d, b.d); }
void settle(BlockQ6_K& b, Scales s) {
  b.d = s.d;
  for (std::int8_t& scale : b.scales) {  // 16..31, of either sign
    const int size = 16 | (scale & 15);
    scale = static_cast<std::int8_t>(scale < 0 ? -size : size);
  }
}
void settle(BlockIQ4_XS& b, Scales s) { b.d = with_sign(s.d, b.d); }

// Eight 6-bit scales of 8..31, each with an equal minimum. Inverse of unpack_scales.
void settle_packed(std::uint8_t (&packed)[12]) {
  std::array<unsigned, 8> scale{};
  for (std::size_t g = 0; g < 8; ++g) scale[g] = 8U + packed[g] * 24U / 256U;
  for (std::size_t g = 0; g < 4; ++g) {
    const unsigned high = scale[4 + g];
    packed[g] = packed[4 + g] = static_cast<std::uint8_t>(scale[g] | ((high >> 4U) << 6U));
    packed[8 + g] = static_cast<std::uint8_t>((high & 15U) | ((high & 15U) << 4U));
  }
}
void settle(BlockQ4_K& b, Scales s) {
  b.d = s.d;
  b.dmin = s.minimum;
  settle_packed(b.scales);
}
void settle(BlockQ5_K& b, Scales s) {
  b.d = s.d;
  b.dmin = s.minimum;
  settle_packed(b.scales);
}

template <typename Block>
void settle_all(std::byte* out, std::size_t blocks, float scale, float middle) {
  const Scales scales{float_to_half(scale), float_to_half(scale * middle)};
  for (std::size_t i = 0; i < blocks; ++i) {
    settle(*reinterpret_cast<Block*>(out + i * sizeof(Block)), scales);
  }
}

// Even steps from -scale to scale.
float even(std::uint32_t index, std::uint32_t count, float scale) {
  return scale * (2.0F * (static_cast<float>(index) + 0.5F) / static_cast<float>(count) - 1.0F);
}

void settle_floats(std::byte* out, std::size_t count, float scale) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, out + i * sizeof bits, sizeof bits);
    const float value = even(bits >> 9U, 1U << 23U, scale);
    std::memcpy(out + i * sizeof value, &value, sizeof value);
  }
}

template <typename Convert>
void settle_halves(std::byte* out, std::size_t count, float scale, Convert convert) {
  constexpr std::uint32_t kSteps = 4096;
  std::array<std::uint16_t, kSteps> table{};
  for (std::uint32_t i = 0; i < kSteps; ++i) table[i] = convert(even(i, kSteps, scale));
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, out + i * sizeof bits, sizeof bits);
    std::memcpy(out + i * sizeof bits, &table[bits % kSteps], sizeof bits);
  }
}

}  // namespace

std::uint64_t random_stream(std::uint64_t seed, std::uint64_t tensor, std::uint64_t piece) {
  return mix(mix(mix(seed + kGolden) + tensor + kGolden) + piece + kGolden);
}

void fill_blocks(TensorType type, std::byte* out, std::size_t blocks, std::uint64_t stream,
                 float scale) {
  fill_random(out, blocks * info(type).block_bytes, stream);
  switch (type) {
    case TensorType::F32:
      return settle_floats(out, blocks, scale);
    case TensorType::F16:
      return settle_halves(out, blocks, scale, float_to_half);
    case TensorType::BF16:
      return settle_halves(out, blocks, scale, float_to_bfloat);
    case TensorType::Q4_0:
      return settle_all<BlockQ4_0>(out, blocks, scale, 0);
    case TensorType::Q4_1:
      return settle_all<BlockQ4_1>(out, blocks, scale, 7.5F);
    case TensorType::Q5_0:
      return settle_all<BlockQ5_0>(out, blocks, scale, 0);
    case TensorType::Q5_1:
      return settle_all<BlockQ5_1>(out, blocks, scale, 15.5F);
    case TensorType::Q8_0:
      return settle_all<BlockQ8_0>(out, blocks, scale, 0);
    case TensorType::Q2_K:
      return settle_all<BlockQ2_K>(out, blocks, scale, 1.5F);
    case TensorType::Q3_K:
      return settle_all<BlockQ3_K>(out, blocks, scale, 0);
    case TensorType::Q4_K:
      return settle_all<BlockQ4_K>(out, blocks, scale, 7.5F);
    case TensorType::Q5_K:
      return settle_all<BlockQ5_K>(out, blocks, scale, 15.5F);
    case TensorType::Q6_K:
      return settle_all<BlockQ6_K>(out, blocks, scale, 0);
    case TensorType::IQ4_NL:
      return settle_all<BlockIQ4_NL>(out, blocks, scale, 0);
    case TensorType::IQ4_XS:
      return settle_all<BlockIQ4_XS>(out, blocks, scale, 0);
  }
}

double unit_deviation(TensorType type) {
  constexpr std::size_t kSample = 1U << 20U;  // weights
  const TypeInfo& layout = info(type);
  const std::size_t blocks = kSample / layout.block_elements;
  std::vector<std::byte> packed(blocks * layout.block_bytes);
  fill_blocks(type, packed.data(), blocks, 0, 1.0F);
  std::vector<float> weights(kSample);
  dequantise_row(type, packed.data(), weights.data(), kSample);
  double squares = 0;
  for (const float weight : weights) squares += static_cast<double>(weight) * weight;
  return std::sqrt(squares / kSample);
}

}  // namespace ceiling
