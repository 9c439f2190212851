// Strips of a panel from the blocks of 16 rows, by type. Each unpack() fills the panel blocks of
// one group of columns: kColumns of them, or fewer at the end of a row.
#pragma once

#include "device/cpu/kernels/avx512/iq4_xs.h"
#include "device/cpu/kernels/avx512/panel.h"
#include "device/cpu/kernels/avx512/small_blocks.h"
#include "device/cpu/kernels/avx512/super_blocks.h"

namespace ceiling::cpu {
namespace {

// The 16 rows of a strip; rows beyond the matrix repeat its last.
struct StripRows {
  Address row[kStripRows];
};

// Writes 16 rows' registers as columns: lane t of v[r] goes to row r of the four bytes of columns
// that place(t) gives as {panel block, step}.
template <typename Block, typename Place>
inline void store_columns(Block* out, __m512i (&v)[16], std::size_t blocks, Place&& place) {
  transpose(v);
  for (int t = 0; t < 16; ++t) {
    const auto [block, step] = place(t);
    if (block < blocks) _mm512_store_si512(out[block].q[step], v[t]);
  }
}

struct Place {
  std::size_t block;
  int step;
};

// Types with blocks of 32 weights: 16 blocks at a time.
template <typename Type>
struct SmallPanel {
  using Kind = PanelKind<1, Type::kHasMinimum>;
  using Block = PanelBlock<Kind>;
  static constexpr std::size_t kColumns = 512;
  static constexpr std::size_t kBytes = 16 * Type::kBytes;
  static constexpr int kOffset = Type::kOffset;

  static void unpack(const StripRows& rows, std::size_t offset, std::size_t blocks, Block* out) {
    const Type type{};
    __m512i headers[16][4];
    for (auto& row : headers) {
      for (auto& header : row) header = _mm512_setzero_si512();
    }
    for (std::size_t k = 0; 4 * k < blocks; ++k) {
      const std::size_t left = blocks - 4 * k;
      __m512i first[16];
      __m512i last[16];
      for (std::size_t r = 0; r < kStripRows; ++r) {
        const Halves weights = decode_quad(type, rows.row[r] + offset + 4 * k * Type::kBytes,
                                           left < 4 ? left : 4, headers[r][k]);
        first[r] = weights.first;
        last[r] = weights.last;
      }
      store_columns(out + 4 * k, first, left,
                    [](int t) { return Place{static_cast<std::size_t>(t / 4), t % 4}; });
      store_columns(out + 4 * k, last, left,
                    [](int t) { return Place{static_cast<std::size_t>(t / 4), 4 + t % 4}; });
    }
    __m512i scale[16];
    __m512i minimum[16];
    for (int r = 0; r < 16; ++r) {
      const SmallScales scales(headers[r]);
      scale[r] = _mm512_castps_si512(scales.scale);
      minimum[r] = _mm512_castps_si512(_mm512_sub_ps(_mm512_setzero_ps(), scales.minimum));
    }
    transpose(scale);
    if constexpr (Type::kHasMinimum) transpose(minimum);
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::size_t lane = 4 * (b % 4) + b / 4;
      _mm512_store_si512(out[b].scale[0], scale[lane]);
      if constexpr (Type::kHasMinimum) _mm512_store_si512(out[b].minimum[0], minimum[lane]);
    }
  }
};

struct PanelIQ4_XS {
  using Kind = PanelKind<1, false>;
  using Block = PanelBlock<Kind>;
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = sizeof(BlockIQ4_XS);
  static constexpr int kOffset = 128;

  static void unpack(const StripRows& rows, std::size_t offset, std::size_t, Block* out) {
    for (int half = 0; half < 2; ++half) {
      __m512i first[16];
      __m512i last[16];
      for (int r = 0; r < 16; ++r) {
        const Halves weights = RowIQ4_XS::quad(rows.row[r] + offset, half);
        first[r] = weights.first;
        last[r] = weights.last;
      }
      store_columns(out + 4 * half, first, 4,
                    [](int t) { return Place{static_cast<std::size_t>(t / 4), t % 4}; });
      store_columns(out + 4 * half, last, 4,
                    [](int t) { return Place{static_cast<std::size_t>(t / 4), 4 + t % 4}; });
    }
    __m512i scale[16];
    for (int r = 0; r < 16; ++r) {
      scale[r] = _mm512_castps_si512(RowIQ4_XS::group_scales<1>(rows.row[r] + offset));
    }
    transpose(scale);
    for (int b = 0; b < 8; ++b) _mm512_store_si512(out[b].scale[0], scale[4 * (b % 4) + b / 4]);
  }
};

// Q4_K and Q5_K.
template <typename Type>
struct PairedPanel {
  using Kind = PanelKind<1, true>;
  using Block = PanelBlock<Kind>;
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kOffset = 0;

  static void unpack(const StripRows& rows, std::size_t offset, std::size_t, Block* out) {
    __m512i bytes[4][16];  // low even, low odd, high even, high odd pieces
    __m512i scales[16];
    for (int r = 0; r < 16; ++r) {
      const Address w = rows.row[r] + offset;
      PairedWeights weights;
      Type::load_bytes(w, weights);
      for (int odd = 0; odd < 2; ++odd) {
        bytes[odd][r] = weights.low[odd];
        bytes[2 + odd][r] = weights.high[odd];
      }
      scales[r] = _mm512_castps_si512(row_scales(w));
    }
    for (int part = 0; part < 4; ++part) {
      store_columns(out, bytes[part], 8, [part](int t) {
        const int piece = t / 2;
        const int chunk = piece / 4 + 2 * (piece % 2);
        const int quarter = piece / 2 % 2 * 2 + part % 2;
        return Place{static_cast<std::size_t>(2 * chunk + part / 2), 2 * quarter + t % 2};
      });
    }
    transpose(scales);
    for (int b = 0; b < 8; ++b) {
      _mm512_store_si512(out[b].minimum[0], scales[b]);
      _mm512_store_si512(out[b].scale[0], scales[8 + b]);
    }
  }

 private:
  // Minimums of the 8 groups, then their scales; every second group's bytes are shifted.
  static __m512 row_scales(Address w) {
    const __m128i header = load128(w);
    const __m512 bytes = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(unpack_six_bits(header)));
    const __m512 halves = _mm512_castps128_ps512(_mm_cvtph_ps(header));
    const __m512 factors = _mm512_permutexvar_ps(
        _mm512_setr_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0), halves);
    constexpr float shifted = 1.0F / static_cast<float>(1 << Type::kShift);
    const __m512 exact =
        _mm512_setr_ps(1, 1, 1, 1, 1, 1, 1, 1, 1, shifted, 1, shifted, 1, shifted, 1, shifted);
    return _mm512_mul_ps(_mm512_mul_ps(bytes, factors), exact);
  }
};

// Q2_K, Q3_K and Q6_K.
template <typename Type>
struct HalvedPanel {
  using Kind = PanelKind<2, Type::kHasMinimum>;
  using Block = PanelBlock<Kind>;
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kOffset = Type::kOffset;

  static void unpack(const StripRows& rows, std::size_t offset, std::size_t, Block* out) {
    __m512i bytes[4][16];
    __m512i scale[16];
    __m512i minimum[16];
    for (int r = 0; r < 16; ++r) {
      const Address w = rows.row[r] + offset;
      HalvedWeights weights;
      Type::load_bytes(w, weights);
      for (int s = 0; s < 4; ++s) bytes[s][r] = weights.q[s];
      const HalvedScales scales = Type::load_scales(w);
      scale[r] = group_floats(scales.scale, scales.d);
      if constexpr (Type::kHasMinimum) minimum[r] = group_floats(scales.minimum, scales.dmin);
    }
    for (int s = 0; s < 4; ++s) {
      store_columns(out, bytes[s], 8,
                    [s](int t) { return Place{static_cast<std::size_t>(s + t / 8 * 4), t % 8}; });
    }
    transpose(scale);
    if constexpr (Type::kHasMinimum) transpose(minimum);
    for (int g = 0; g < 16; ++g) {
      _mm512_store_si512(out[g / 2].scale[g % 2], scale[g]);
      if constexpr (Type::kHasMinimum) _mm512_store_si512(out[g / 2].minimum[g % 2], minimum[g]);
    }
  }

 private:
  static __m512i group_floats(__m128i bytes, __m512 factor) {
    return _mm512_castps_si512(
        _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)), factor));
  }
};

}  // namespace
}  // namespace ceiling::cpu
