// The register-tiled product of prompts by int8 matrix multiply: one instruction takes eight
// columns of two rows of weights by those of two rows of activations, to the four sums. The same
// four rows of a panel by a strip of eight as without it (neon/tile.h), the same integers, and the
// same operations on floats in the same order: the results are the same bits.
//
// An operand is eight columns of a row, then of the next row. Two registers that hold sixteen
// columns of one row each become such operands, and back, when they exchange halves: so do the
// bytes of a pair of panel rows, in place, and the totals of a pair of rows.
#pragma once

#include "device/cpu/kernels/neon/lanes.h"
#include "device/cpu/kernels/neon/unpackers.h"
#include "device/cpu/kernels/strips.h"

namespace ceiling::cpu {
namespace {

// a, b become the low halves of both, and the high halves of both.
inline void exchange_halves(uint64x2_t& a, uint64x2_t& b) {
  const uint64x2_t low = vzip1q_u64(a, b);
  b = vzip2q_u64(a, b);
  a = low;
}
inline void exchange_halves(float32x4_t& a, float32x4_t& b) {
  uint64x2_t x = vreinterpretq_u64_f32(a);
  uint64x2_t y = vreinterpretq_u64_f32(b);
  exchange_halves(x, y);
  a = vreinterpretq_f32_u64(x);
  b = vreinterpretq_f32_u64(y);
}

// Values of two rows of activations (64 bits at p), twice: as they meet two rows of weights.
inline uint64x2_t load_twice(const void* p) {
  std::uint64_t two;
  std::memcpy(&two, p, sizeof two);
  return vdupq_n_u64(two);
}

template <typename Unpacker>
struct MatrixTile {
  using Wide = Lanes8;
  using Narrow = Lanes8;
  using PanelRow = UnpackedRow<Unpacker>;
  static constexpr int kRows = 4;

  // 16 bytes at column 16 i of an even row of the panel: columns 16 i .. 16 i + 7 of this row and
  // of the next; at the same place of the next row: the eight columns after them, of both.
  static void complete_rows(PanelRow* rows) {
    for (int r = 0; r < kRows; r += 2) {
      for (std::size_t unit = 0; unit < PanelRow::kUnits; ++unit) {
        exchange_bytes(rows[r].q[unit], rows[r + 1].q[unit]);
      }
    }
  }

  // Two steps of four columns, q[2k] and q[2k + 1], become one of eight: [row][8].
  static void complete_block(StripBlock<Lanes8>& block) {
    for (std::size_t k = 0; k < 8; k += 2) {
      const Lanes8::Ints first = Lanes8::load(static_cast<const void*>(block.q[k]));
      const Lanes8::Ints last = Lanes8::load(static_cast<const void*>(block.q[k + 1]));
      store(block.q[k], vzip1q_s32(first.a, last.a), vzip2q_s32(first.a, last.a));
      store(block.q[k + 1], vzip1q_s32(first.b, last.b), vzip2q_s32(first.b, last.b));
    }
  }

  template <typename Lanes>
  static void multiply(const PanelRow* panel, std::size_t blocks, const StripBlock<Lanes>* strip,
                       typename Lanes::Floats (&total)[kRows]) {
    static_assert(Unpacker::block_bytes(1) == kScaled, "bytes in column order");
    Quads totals;
    for (int w = 0; w < kWeightPairs; ++w) {
      totals[w][0] = total[2 * w].a;
      totals[w][1] = total[2 * w + 1].a;
      totals[w][2] = total[2 * w].b;
      totals[w][3] = total[2 * w + 1].b;
      exchange(totals[w]);
    }
    const auto rows = reinterpret_cast<Address>(panel);
    for (std::size_t b = 0; b < blocks; ++b) {
      add_block(rows, PanelPlaces<Unpacker>::kBlocks.at[b], strip[b], totals);
    }
    for (int w = 0; w < kWeightPairs; ++w) {
      exchange(totals[w]);
      total[2 * w] = {totals[w][0], totals[w][2]};
      total[2 * w + 1] = {totals[w][1], totals[w][3]};
    }
  }

 private:
  static constexpr int kWeightPairs = kRows / 2;
  static constexpr int kPairs = Lanes8::kRows / 2;  // of activations
  static constexpr std::size_t kGroups = Unpacker::kGroups;
  static constexpr auto kPitch = static_cast<std::ptrdiff_t>(sizeof(PanelRow));
  using Places = typename PanelPlaces<Unpacker>::Block;
  // For each pair of rows of weights w and of activations x: w0 x0, w0 x1, w1 x0, w1 x1.
  using Quads = float32x4_t[kWeightPairs][kPairs];

  static void store(std::int8_t* to, int32x4_t first, int32x4_t last) {
    vst1q_s8(to, vreinterpretq_s8_s32(first));
    vst1q_s8(to + 16, vreinterpretq_s8_s32(last));
  }
  static void exchange_bytes(std::uint8_t* even, std::uint8_t* odd) {
    for (std::size_t c = 0; c < Unpacker::kColumns; c += 16) {
      uint64x2_t a = vreinterpretq_u64_u8(vld1q_u8(even + c));
      uint64x2_t b = vreinterpretq_u64_u8(vld1q_u8(odd + c));
      exchange_halves(a, b);
      vst1q_u8(even + c, vreinterpretq_u8_u64(a));
      vst1q_u8(odd + c, vreinterpretq_u8_u64(b));
    }
  }
  static void exchange(float32x4_t (&of_pair)[kPairs]) {
    exchange_halves(of_pair[0], of_pair[1]);
    exchange_halves(of_pair[2], of_pair[3]);
  }
  // The floats at p of two rows of a panel, as they meet two rows of activations.
  static float32x4_t load_factors(Address p) {
    return vcombine_f32(vdup_n_f32(load_float(p)), vdup_n_f32(load_float(p + kPitch)));
  }

  // Products of eight columns, `step` of a block.
  static void add_products(Address w, std::size_t step, const StripBlock<Lanes8>& strip,
                           int32x4_t (&sums)[kWeightPairs][kPairs]) {
    w += 16 * (step / 2);
    if (step % 2 != 0) w += kPitch;
    int8x16_t x[kPairs];
    for (int i = 0; i < kPairs; ++i) {
      x[i] = vld1q_s8(strip.q[2 * step + static_cast<std::size_t>(i / 2)] + 16 * (i % 2));
    }
    for (int r = 0; r < kWeightPairs; ++r) {
      const int8x16_t weights = vreinterpretq_s8_u8(vld1q_u8(w + 2 * r * kPitch));
      for (int i = 0; i < kPairs; ++i) sums[r][i] = vmmlaq_s32(sums[r][i], weights, x[i]);
    }
  }

  static void add_block(Address rows, const Places& places, const StripBlock<Lanes8>& strip,
                        Quads& totals) {
    Quads part;
#pragma GCC unroll 2
    for (std::size_t g = 0; g < kGroups; ++g) {
      int32x4_t sums[kWeightPairs][kPairs];
      for (auto& pair : sums) {
        for (auto& sum : pair) sum = vdupq_n_s32(0);
      }
      constexpr std::size_t steps = 4 / kGroups;
#pragma GCC unroll 4
      for (std::size_t k = 0; k < steps; ++k) {
        add_products(rows + places.q, g * steps + k, strip, sums);
      }
      const std::int32_t* const less = kGroups == 1 ? strip.less_all : strip.less[g];
      float32x4_t scale[kWeightPairs];
      float32x4_t minimum[kWeightPairs];
      for (int r = 0; r < kWeightPairs; ++r) {
        const Address pair = rows + 2 * r * kPitch + 4 * g;
        scale[r] = load_factors(pair + places.scale);
        if constexpr (Unpacker::kHasMinimum) minimum[r] = load_factors(pair + places.minimum);
      }
      for (int i = 0; i < kPairs; ++i) {
        const float32x4_t x_less = vcvtq_f32_s32(vreinterpretq_s32_u64(load_twice(less + 2 * i)));
        for (int r = 0; r < kWeightPairs; ++r) {
          const float32x4_t sum = vcvtq_f32_s32(sums[r][i]);
          auto& of_pair = part[r][i];
          of_pair = g == 0 ? vmulq_f32(sum, scale[r]) : vfmaq_f32(of_pair, sum, scale[r]);
          if constexpr (Unpacker::kHasMinimum) {
            of_pair = vfmaq_f32(of_pair, x_less, minimum[r]);
          }
        }
      }
    }
    for (int i = 0; i < kPairs; ++i) {
      const float32x4_t x_scale = vreinterpretq_f32_u64(load_twice(strip.scale + 2 * i));
      for (int r = 0; r < kWeightPairs; ++r) {
        totals[r][i] = vfmaq_f32(totals[r][i], part[r][i], x_scale);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
