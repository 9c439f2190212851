// Rows of the types with blocks of 256 weights: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K. A block is decoded to
// signed bytes in column order (offsets taken off), with the scales and minimums of its groups.
#pragma once

#include "device/cpu/kernels/neon/simd.h"
#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/row_shapes.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

// q[2b], q[2b + 1]: the first and last 16 columns of block b (of 32 columns).
struct SuperBytes {
  int8x16_t q[16];
};

// Integer scales and minimums of 8 or 16 groups, and the factors of all.
struct SuperScales {
  std::int8_t scale[16];
  std::int8_t minimum[16];
  float d, dmin;
};

// 6-bit scales and minimums of Q4_K and Q5_K. Layout: quant/blocks.h, unpack_scales.
inline SuperScales load_six_bit_scales(Address w) {
  SuperScales out{};
  for (std::size_t g = 0; g < 4; ++g) {
    const unsigned a = w[4 + g];
    const unsigned b = w[8 + g];
    const unsigned c = w[12 + g];
    out.scale[g] = static_cast<std::int8_t>(a & 63);
    out.minimum[g] = static_cast<std::int8_t>(b & 63);
    out.scale[4 + g] = static_cast<std::int8_t>((c & 15) | a >> 6 << 4);
    out.minimum[4 + g] = static_cast<std::int8_t>(c >> 4 | b >> 6 << 4);
  }
  out.d = half_at(w);
  out.dmin = half_at(w + 2);
  return out;
}

struct SuperQ4_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ4_K);
  static constexpr int kGroups = 1;
  static constexpr bool kHasMinimum = true;
  static SuperScales load_scales(Address w) { return load_six_bit_scales(w); }
  static void load_bytes(Address w, SuperBytes& out) {
    for (std::size_t i = 0; i < 8; ++i) {  // chunk i / 2, half i % 2
      const uint8x16_t bytes = vld1q_u8(w + 16 + 16 * i);
      const std::size_t at = i / 2 * 4 + i % 2;
      out.q[at] = as_signed(vandq_u8(bytes, vdupq_n_u8(15)));
      out.q[at + 2] = as_signed(vshrq_n_u8(bytes, 4));
    }
  }
};

struct SuperQ5_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ5_K);
  static constexpr int kGroups = 1;
  static constexpr bool kHasMinimum = true;
  static SuperScales load_scales(Address w) { return load_six_bit_scales(w); }
  static void load_bytes(Address w, SuperBytes& out) {
    const uint8x16_t bits[2] = {vld1q_u8(w + 16), vld1q_u8(w + 32)};
    const auto fifth = [&](std::size_t half, std::size_t bit) {
      const uint8x16_t chosen =
          vtstq_u8(bits[half], vdupq_n_u8(static_cast<std::uint8_t>(1 << bit)));
      return vandq_u8(chosen, vdupq_n_u8(16));
    };
    for (std::size_t i = 0; i < 8; ++i) {
      const uint8x16_t bytes = vld1q_u8(w + 48 + 16 * i);
      const std::size_t at = i / 2 * 4 + i % 2;
      const std::size_t bit = i / 2 * 2;
      out.q[at] = as_signed(vorrq_u8(vandq_u8(bytes, vdupq_n_u8(15)), fifth(i % 2, bit)));
      out.q[at + 2] = as_signed(vorrq_u8(vshrq_n_u8(bytes, 4), fifth(i % 2, bit + 1)));
    }
  }
};

// (bytes >> shift) & 3
inline uint8x16_t two_bits(uint8x16_t bytes, std::size_t shift) {
  const int8x16_t by = vdupq_n_s8(static_cast<std::int8_t>(-static_cast<int>(shift)));
  return vandq_u8(vshlq_u8(bytes, by), vdupq_n_u8(3));
}

struct SuperQ6_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ6_K);
  static constexpr int kGroups = 2;
  static constexpr bool kHasMinimum = false;
  static SuperScales load_scales(Address w) {
    SuperScales out{};
    std::memcpy(out.scale, w + 192, 16);
    out.d = half_at(w + 208);
    return out;
  }
  static void load_bytes(Address w, SuperBytes& out) {
    for (std::size_t i = 0; i < 16; ++i) {  // 16 columns: half h, block s of it, part p of that
      const std::size_t h = i / 8;
      const std::size_t s = i / 2 % 4;
      const std::size_t p = i % 2;
      const uint8x16_t low = vld1q_u8(w + 64 * h + 32 * (s % 2) + 16 * p);
      const uint8x16_t nibbles = s < 2 ? vandq_u8(low, vdupq_n_u8(15)) : vshrq_n_u8(low, 4);
      const uint8x16_t high = two_bits(vld1q_u8(w + 128 + 32 * h + 16 * p), 2 * s);
      out.q[i] = vsubq_s8(as_signed(vorrq_u8(nibbles, vshlq_n_u8(high, 4))), vdupq_n_s8(32));
    }
  }
};

struct SuperQ3_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ3_K);
  static constexpr int kGroups = 2;
  static constexpr bool kHasMinimum = false;
  // Layout: quant/blocks.h, BlockQ3_K.
  static SuperScales load_scales(Address w) {
    SuperScales out{};
    for (std::size_t g = 0; g < 16; ++g) {
      const int low = w[96 + g % 8] >> (g / 8 * 4) & 15;
      const int high = w[104 + g % 4] >> (g / 4 * 2) & 3;
      out.scale[g] = static_cast<std::int8_t>((low | high << 4) - 32);
    }
    out.d = half_at(w + 108);
    return out;
  }
  static void load_bytes(Address w, SuperBytes& out) {
    for (std::size_t i = 0; i < 16; ++i) {
      const std::size_t p = i % 2;
      const uint8x16_t low = two_bits(vld1q_u8(w + 32 + i / 8 * 32 + 16 * p), i / 2 % 4 * 2);
      const auto bit = static_cast<std::uint8_t>(1 << (i / 2));
      const uint8x16_t third = vtstq_u8(vld1q_u8(w + 16 * p), vdupq_n_u8(bit));
      const uint8x16_t four = vbicq_u8(vdupq_n_u8(4), third);  // taken off where the bit is clear
      out.q[i] = vsubq_s8(as_signed(low), as_signed(four));
    }
  }
};

struct SuperQ2_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ2_K);
  static constexpr int kGroups = 2;
  static constexpr bool kHasMinimum = true;
  static SuperScales load_scales(Address w) {
    SuperScales out{};
    for (std::size_t g = 0; g < 16; ++g) {
      out.scale[g] = static_cast<std::int8_t>(w[g] & 15);
      out.minimum[g] = static_cast<std::int8_t>(w[g] >> 4);
    }
    out.d = half_at(w + 80);
    out.dmin = half_at(w + 82);
    return out;
  }
  static void load_bytes(Address w, SuperBytes& out) {
    for (std::size_t i = 0; i < 16; ++i) {
      out.q[i] = as_signed(two_bits(vld1q_u8(w + 16 + i / 8 * 32 + i % 2 * 16), i / 2 % 4 * 2));
    }
  }
};

// One row of weights of a block by one of activations, as lanes. One layout of activations serves
// all types here: HalvedGroup, with sums of 16 columns.
template <typename Type>
inline float32x4_t super_product(const SuperBytes& bytes, const SuperScales& scales,
                                 const HalvedGroup& x) {
  float32x4_t scaled = vdupq_n_f32(0);
  float less = 0;
  for (std::size_t b = 0; b < 8; ++b) {
    const std::int8_t* q = x.q + b % 4 * 64 + b / 4 * 32;
    int32x4_t sums;
    int by_minimum = 0;
    if constexpr (Type::kGroups == 1) {
      sums = vmulq_n_s32(dot(dot(bytes.q[2 * b], q), bytes.q[2 * b + 1], q + 16), scales.scale[b]);
      by_minimum = scales.minimum[b] * (x.sum[2 * b] + x.sum[2 * b + 1]);
    } else {
      sums = vmulq_n_s32(dot(bytes.q[2 * b], q), scales.scale[2 * b]);
      sums = vmlaq_n_s32(sums, dot(bytes.q[2 * b + 1], q + 16), scales.scale[2 * b + 1]);
      by_minimum =
          scales.minimum[2 * b] * x.sum[2 * b] + scales.minimum[2 * b + 1] * x.sum[2 * b + 1];
    }
    const float x_scale = x.scale[4 + b];
    scaled = vfmaq_n_f32(scaled, vcvtq_f32_s32(sums), x_scale);
    if constexpr (Type::kHasMinimum) less += static_cast<float>(by_minimum) * x_scale;
  }
  scaled = vmulq_n_f32(scaled, scales.d);
  if constexpr (Type::kHasMinimum) {
    scaled = vsetq_lane_f32(vgetq_lane_f32(scaled, 0) - scales.dmin * less, scaled, 0);
  }
  return scaled;
}

template <typename Type>
struct SuperBlock {
  using Simd = Simd128;
  using Group = HalvedGroup;
  template <int n>
  using Sums = LaneSums<Simd128, n>;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kStreams = 4;
  static constexpr int kLongStreams = 4;

  explicit SuperBlock(Address w) : scales(Type::load_scales(w)) { Type::load_bytes(w, bytes); }

  template <int n>
  void add(const HalvedGroup& x, LaneSums<Simd128, n>& sums, int i) const {
    sums.total[i] = vaddq_f32(sums.total[i], super_product<Type>(bytes, scales, x));
  }

  SuperBytes bytes;
  SuperScales scales;
};

}  // namespace
}  // namespace ceiling::cpu
