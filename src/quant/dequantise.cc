#include "quant/dequantise.h"

#include <cassert>
#include <cstring>

#include "quant/blocks.h"

namespace ceiling {
namespace {

// Each decode() writes the weights of one block. The order of the float operations is the
// specification's: products first, then one addition or subtraction.

void decode(const BlockQ4_0& block, float* out) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((block.qs[i] & 15) - 8);
    out[i + 16] = d * static_cast<float>((block.qs[i] >> 4) - 8);
  }
}

void decode(const BlockQ4_1& block, float* out) {
  const float d = half_to_float(block.d);
  const float m = half_to_float(block.m);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(block.qs[i] & 15) + m;
    out[i + 16] = d * static_cast<float>(block.qs[i] >> 4) + m;
  }
}

// The 5-bit integer i of Q5_0 and Q5_1.
int five_bits(const std::uint8_t (&qs)[16], const std::uint8_t (&qh)[4], int i) {
  const int low = i < 16 ? qs[i] & 15 : qs[i - 16] >> 4;
  const int high = (qh[i / 8] >> (i % 8)) & 1;
  return low | (high << 4);
}

void decode(const BlockQ5_0& block, float* out) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 32; ++i) {
    out[i] = d * static_cast<float>(five_bits(block.qs, block.qh, i) - 16);
  }
}

void decode(const BlockQ5_1& block, float* out) {
  const float d = half_to_float(block.d);
  const float m = half_to_float(block.m);
  for (int i = 0; i < 32; ++i) {
    out[i] = d * static_cast<float>(five_bits(block.qs, block.qh, i)) + m;
  }
}

void decode(const BlockQ8_0& block, float* out) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(block.qs[i]);
}

// The low two bits of weight i in Q2_K and Q3_K.
int two_bits(const std::uint8_t (&qs)[64], int i) {
  return (qs[32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4))) & 3;
}

void decode(const BlockQ2_K& block, float* out) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  for (int g = 0; g < 16; ++g) {
    const float scale = d * static_cast<float>(block.scales[g] & 15);
    const float minimum = dmin * static_cast<float>(block.scales[g] >> 4);
    for (int i = 16 * g; i < 16 * g + 16; ++i) {
      out[i] = scale * static_cast<float>(two_bits(block.qs, i)) - minimum;
    }
  }
}

void decode(const BlockQ3_K& block, float* out) {
  const float d = half_to_float(block.d);
  const auto scales = unpack_scales_q3(block.scales);
  for (int g = 0; g < 16; ++g) {
    const float scale = d * static_cast<float>(scales[g]);
    for (int i = 16 * g; i < 16 * g + 16; ++i) {
      const int high = (block.hmask[i % 32] >> (i / 32)) & 1;
      out[i] = scale * static_cast<float>(two_bits(block.qs, i) - 4 + 4 * high);
    }
  }
}

// The low four bits of weight i in Q4_K and Q5_K.
int four_bits(const std::uint8_t (&qs)[128], int i) {
  return (qs[32 * (i / 64) + i % 32] >> (4 * (i / 32 % 2))) & 15;
}

void decode(const BlockQ4_K& block, float* out) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  const GroupScales groups = unpack_scales(block.scales);
  for (int g = 0; g < 8; ++g) {
    const float scale = d * static_cast<float>(groups.scale[g]);
    const float minimum = dmin * static_cast<float>(groups.minimum[g]);
    for (int i = 32 * g; i < 32 * g + 32; ++i) {
      out[i] = scale * static_cast<float>(four_bits(block.qs, i)) - minimum;
    }
  }
}

void decode(const BlockQ5_K& block, float* out) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  const GroupScales groups = unpack_scales(block.scales);
  for (int g = 0; g < 8; ++g) {
    const float scale = d * static_cast<float>(groups.scale[g]);
    const float minimum = dmin * static_cast<float>(groups.minimum[g]);
    for (int i = 32 * g; i < 32 * g + 32; ++i) {
      const int high = (block.qh[i % 32] >> g) & 1;
      out[i] = scale * static_cast<float>(four_bits(block.qs, i) | (high << 4)) - minimum;
    }
  }
}

void decode(const BlockQ6_K& block, float* out) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128;
    const int quarter = i / 32 % 4;
    const int lane = i % 32;
    const int low = (block.ql[64 * half + 32 * (quarter % 2) + lane] >> (4 * (quarter / 2))) & 15;
    const int high = (block.qh[32 * half + lane] >> (2 * quarter)) & 3;
    const int group = i / 16;
    const float scale = d * static_cast<float>(block.scales[group]);
    out[i] = scale * static_cast<float>((low | (high << 4)) - 32);
  }
}

void decode(const BlockIQ4_NL& block, float* out) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(kIq4Values[block.qs[i] & 15]);
    out[i + 16] = d * static_cast<float>(kIq4Values[block.qs[i] >> 4]);
  }
}

void decode(const BlockIQ4_XS& block, float* out) {
  const float d = half_to_float(block.d);
  for (int g = 0; g < 8; ++g) {
    const int low = (block.scales_l[g / 2] >> (4 * (g % 2))) & 15;
    const int high = (block.scales_h >> (2 * g)) & 3;
    const float scale = d * static_cast<float>((low | (high << 4)) - 32);
    for (int i = 0; i < 16; ++i) {
      const int byte = block.qs[16 * g + i];
      out[32 * g + i] = scale * static_cast<float>(kIq4Values[byte & 15]);
      out[32 * g + i + 16] = scale * static_cast<float>(kIq4Values[byte >> 4]);
    }
  }
}

template <typename Block, std::size_t elements>
void decode_blocks(const std::byte* blocks, float* out, std::size_t n) {
  for (std::size_t i = 0; i < n / elements; ++i) {
    Block block;  // a copy: the source may have any alignment
    std::memcpy(&block, blocks + i * sizeof(Block), sizeof(Block));
    decode(block, out + i * elements);
  }
}

template <float (*convert)(std::uint16_t)>
void decode_sixteen(const std::byte* in, float* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, in + 2 * i, sizeof bits);
    out[i] = convert(bits);
  }
}

}  // namespace

void dequantise_row(TensorType type, const std::byte* blocks, float* out, std::size_t n) {
  assert(n % info(type).block_elements == 0);
  using enum TensorType;
  switch (type) {
    case F32:
      std::memcpy(out, blocks, n * sizeof(float));
      return;
    case F16:
      decode_sixteen<half_to_float>(blocks, out, n);
      return;
    case BF16:
      decode_sixteen<bfloat_to_float>(blocks, out, n);
      return;
    case Q4_0:
      decode_blocks<BlockQ4_0, kSmallBlock>(blocks, out, n);
      return;
    case Q4_1:
      decode_blocks<BlockQ4_1, kSmallBlock>(blocks, out, n);
      return;
    case Q5_0:
      decode_blocks<BlockQ5_0, kSmallBlock>(blocks, out, n);
      return;
    case Q5_1:
      decode_blocks<BlockQ5_1, kSmallBlock>(blocks, out, n);
      return;
    case Q8_0:
      decode_blocks<BlockQ8_0, kSmallBlock>(blocks, out, n);
      return;
    case Q2_K:
      decode_blocks<BlockQ2_K, kSuperBlock>(blocks, out, n);
      return;
    case Q3_K:
      decode_blocks<BlockQ3_K, kSuperBlock>(blocks, out, n);
      return;
    case Q4_K:
      decode_blocks<BlockQ4_K, kSuperBlock>(blocks, out, n);
      return;
    case Q5_K:
      decode_blocks<BlockQ5_K, kSuperBlock>(blocks, out, n);
      return;
    case Q6_K:
      decode_blocks<BlockQ6_K, kSuperBlock>(blocks, out, n);
      return;
    case IQ4_NL:
      decode_blocks<BlockIQ4_NL, kSmallBlock>(blocks, out, n);
      return;
    case IQ4_XS:
      decode_blocks<BlockIQ4_XS, kSuperBlock>(blocks, out, n);
      return;
  }
}

}  // namespace ceiling
