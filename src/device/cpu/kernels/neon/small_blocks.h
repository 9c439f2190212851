// Rows of the types with blocks of 32 weights, and of IQ4_XS, whose groups are laid out as theirs.
// Bytes are signed, the types' offsets taken off.
#pragma once

#include "device/cpu/kernels/neon/simd.h"
#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/row_shapes.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

struct Halves {
  int8x16_t first, last;  // weights 0..15 and 16..31 of a block
};

inline Halves split_nibbles(Address p) {
  const uint8x16_t bytes = vld1q_u8(p);
  return {as_signed(vandq_u8(bytes, vdupq_n_u8(15))), as_signed(vshrq_n_u8(bytes, 4))};
}
inline Halves subtract(const Halves& from, std::int8_t offset) {
  return {vsubq_s8(from.first, vdupq_n_s8(offset)), vsubq_s8(from.last, vdupq_n_s8(offset))};
}

// Adds 16 where bit i of the 32 at p is set.
inline Halves add_fifth_bits(const Halves& low, Address p) {
  constexpr std::uint8_t kBit[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t one_bit = vld1q_u8(kBit);
  const auto high = [&](Address two) {
    const uint8x16_t bytes = vcombine_u8(vdup_n_u8(two[0]), vdup_n_u8(two[1]));
    return as_signed(vandq_u8(vtstq_u8(bytes, one_bit), vdupq_n_u8(16)));
  };
  return {vorrq_s8(low.first, high(p)), vorrq_s8(low.last, high(p + 2))};
}

// The levels of the nibbles at p.
inline Halves iq4_weights(Address p) {
  const int8x16_t levels = vld1q_s8(reinterpret_cast<const std::int8_t*>(&kIq4Values));
  const Halves index = split_nibbles(p);
  return {vqtbl1q_s8(levels, vreinterpretq_u8_s8(index.first)),
          vqtbl1q_s8(levels, vreinterpretq_u8_s8(index.last))};
}

// A type gives: kBytes of a block; whether there is a minimum; the weights of a block.
template <typename Block>
struct SmallType {
  static constexpr std::size_t kBytes = sizeof(Block);
  static constexpr bool kHasMinimum = false;
};

struct SmallQ4_0 : SmallType<BlockQ4_0> {
  static Halves weights(Address w) { return subtract(split_nibbles(w + 2), 8); }
};
struct SmallQ4_1 : SmallType<BlockQ4_1> {
  static constexpr bool kHasMinimum = true;
  static Halves weights(Address w) { return split_nibbles(w + 4); }
};
struct SmallQ5_0 : SmallType<BlockQ5_0> {
  static Halves weights(Address w) {
    return subtract(add_fifth_bits(split_nibbles(w + 6), w + 2), 16);
  }
};
struct SmallQ5_1 : SmallType<BlockQ5_1> {
  static constexpr bool kHasMinimum = true;
  static Halves weights(Address w) { return add_fifth_bits(split_nibbles(w + 8), w + 4); }
};
struct SmallQ8_0 : SmallType<BlockQ8_0> {
  static Halves weights(Address w) {
    return {as_signed(vld1q_u8(w + 2)), as_signed(vld1q_u8(w + 18))};
  }
};
struct SmallIQ4_NL : SmallType<BlockIQ4_NL> {
  static Halves weights(Address w) { return iq4_weights(w + 2); }
};

// The products of up to 16 blocks. weights(b): of block b; scale(b), minimum(b): its factors.
template <int n, bool has_minimum, typename Weights, typename Factor>
inline void add_blocks(std::size_t blocks, Weights&& weights, Factor&& scale, Factor&& minimum,
                       const SmallGroup* const* x, LaneSums<Simd128, n>& sums) {
  for (std::size_t l = 0; l < 4; ++l) {  // blocks l, 4 + l, 8 + l, 12 + l
    int32x4_t dots[n][4];
    float scales[4] = {};
    float minimums[4] = {};
    for (std::size_t k = 0; k < 4; ++k) {
      const std::size_t b = 4 * k + l;
      for (int i = 0; i < n; ++i) dots[i][k] = vdupq_n_s32(0);
      if (b >= blocks) continue;
      const Halves w = weights(b);
      for (int i = 0; i < n; ++i) {
        const std::int8_t* q = x[i]->q + 128 * k + 16 * l;
        dots[i][k] = dot(dot(w.first, q), w.last, q + 64);
      }
      scales[k] = scale(b);
      if constexpr (has_minimum) minimums[k] = minimum(b);
    }
    for (int i = 0; i < n; ++i) {
      const int32x4_t each =
          vpaddq_s32(vpaddq_s32(dots[i][0], dots[i][1]), vpaddq_s32(dots[i][2], dots[i][3]));
      float32x4_t part = vmulq_f32(vcvtq_f32_s32(each), vld1q_f32(scales));
      if constexpr (has_minimum) {
        const float32x4_t x_sums = vcvtq_f32_s32(vld1q_s32(x[i]->sum + 4 * l));
        part = vfmaq_f32(part, x_sums, vld1q_f32(minimums));
      }
      sums.total[i] = vfmaq_f32(sums.total[i], part, vld1q_f32(x[i]->scale + 4 * l));
    }
  }
}

template <typename Type>
struct SmallRow : SmallRowShape<Simd128, 16 * Type::kBytes, 2, 4> {
  static constexpr std::size_t kBytes = 16 * Type::kBytes;

  template <int n>
  void step(Address w, const SmallGroup* const* x, LaneSums<Simd128, n>& sums) const {
    last<n>(w, SmallGroup::kColumns, x, sums);
  }
  template <int n>
  void last(Address w, std::size_t columns, const SmallGroup* const* x,
            LaneSums<Simd128, n>& sums) const {
    const auto factor = [w](std::size_t offset) {
      return [w, offset](std::size_t b) { return half_at(w + b * Type::kBytes + offset); };
    };
    add_blocks<n, Type::kHasMinimum>(
        columns / kScaled, [w](std::size_t b) { return Type::weights(w + b * Type::kBytes); },
        factor(0), factor(2), x, sums);
  }
};

struct RowIQ4_XS : SmallRowShape<Simd128, 2 * sizeof(BlockIQ4_XS), 2, 4> {
  static constexpr std::size_t kBlock = sizeof(BlockIQ4_XS);

  static Halves weights(Address block, std::size_t g) { return iq4_weights(block + 8 + 16 * g); }
  static float scale(Address block, std::size_t g) {
    const int low = block[4 + g / 2] >> (g % 2 * 4) & 15;
    const int high = load16(block + 2) >> (2 * g) & 3;
    return half_at(block) * static_cast<float>((low | high << 4) - 32);
  }

  template <int n>
  void step(Address w, const SmallGroup* const* x, LaneSums<Simd128, n>& sums) const {
    last<n>(w, SmallGroup::kColumns, x, sums);
  }
  template <int n>
  void last(Address w, std::size_t columns, const SmallGroup* const* x,
            LaneSums<Simd128, n>& sums) const {
    const auto factor = [w](std::size_t b) { return scale(w + b / 8 * kBlock, b % 8); };
    add_blocks<n, false>(
        columns / kScaled, [w](std::size_t b) { return weights(w + b / 8 * kBlock, b % 8); },
        factor, factor, x, sums);
  }
};

}  // namespace
}  // namespace ceiling::cpu
