// Rows of the types with blocks of 256 weights: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K. 16-bit sums of two
// products are multiplied by the groups' integer scales while they are added in pairs.
#pragma once

#include "device/cpu/kernels/avx2/simd.h"
#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/row_shapes.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

inline __m256i load_x(const std::int8_t* q) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(q));
}

// The 6-bit scales and minimums of Q4_K and Q5_K, from a block's first 16 bytes: minimums in bytes
// 0..7, scales in 8..15. Layout: quant/blocks.h, unpack_scales.
inline __m128i unpack_six_bits(__m128i header) {
  const __m128i low_bytes = _mm_setr_epi8(8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 12, 13, 14, 15);
  const __m128i high_bytes =
      _mm_setr_epi8(-1, -1, -1, -1, 8, 9, 10, 11, -1, -1, -1, -1, 4, 5, 6, 7);
  const __m128i low_bits = _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f);
  const __m128i low = _mm_and_si128(
      _mm_srlv_epi32(_mm_shuffle_epi8(header, low_bytes), _mm_setr_epi32(0, 4, 0, 0)), low_bits);
  const __m128i high = _mm_srli_epi16(_mm_shuffle_epi8(header, high_bytes), 2);
  return _mm_or_si128(low, _mm_and_si128(high, _mm_set1_epi8(0x30)));
}

// What Q4_K and Q5_K share (PairedGroup). Part s of 0, 1: from the 64-bit pieces of chunks s and
// 2 + s; even and odd pieces.
struct PairedWeights {
  __m256i low[2][2], high[2][2];
  __m256i scale_bytes;  // in each 128-bit lane: minimums, then scales
  __m256 d, minimums;   // minimums times dmin

  template <typename Type>
  void set_scales(Address w) {
    const __m128i header = load128(w);
    const __m128i bytes = unpack_six_bits(header);
    scale_bytes = broadcast128(bytes);
    const __m128 halves = _mm_cvtph_ps(header);
    d = _mm256_broadcastss_ps(halves);
    minimums = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
                             _mm256_broadcastss_ps(_mm_movehdup_ps(halves)));
  }

  // Scales of groups g and g + 4 where the 16-bit sums of their pieces lie.
  __m256i scales(char g) const {
    const auto a = static_cast<char>(8 + g);
    const auto b = static_cast<char>(12 + g);
    const __m128i places = _mm_setr_epi8(a, -1, a, -1, a, -1, a, -1, b, -1, b, -1, b, -1, b, -1);
    return _mm256_shuffle_epi8(scale_bytes, broadcast128(places));
  }

  void apply(const PairedGroup& x, __m256& total, __m256& less) const {
    const auto sums = [&](const __m256i(&q)[2], std::size_t at, char g) {
      const __m256i dots = _mm256_add_epi16(dot_unsigned(q[0], load_x(x.q + at)),
                                            dot_unsigned(q[1], load_x(x.q + at + 64)));
      return _mm256_madd_epi16(dots, scales(g));
    };
    __m256 scaled = _mm256_setzero_ps();
    for (std::size_t s = 0; s < 2; ++s) {
      // Lanes: groups g g g+4 g+4 of the low nibbles, then of the high ones; joined 0 4 1 5.
      const auto g = static_cast<char>(2 * s);
      const __m256 a = _mm256_castsi256_ps(sums(low[s], 32 * s, g));
      const __m256 b = _mm256_castsi256_ps(sums(high[s], 128 + 32 * s, static_cast<char>(g + 1)));
      const __m256i joined = _mm256_add_epi32(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)),
                                              _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd)));
      scaled = _mm256_fmadd_ps(_mm256_cvtepi32_ps(joined), _mm256_load_ps(x.scale + 8 * s), scaled);
    }
    total = _mm256_fmadd_ps(d, scaled, total);
    less = _mm256_fnmadd_ps(minimums, _mm256_load_ps(x.scaled_sum), less);
  }
};

struct SuperQ4_K {
  static constexpr int kLargest = 15;
  static constexpr std::size_t kBytes = sizeof(BlockQ4_K);

  static void load_bytes(Address w, PairedWeights& out) {
    const __m256i mask = _mm256_set1_epi8(15);
    for (std::size_t s = 0; s < 2; ++s) {
      const __m256i front = load256(w + 16 + 32 * s);
      const __m256i back = load256(w + 80 + 32 * s);
      const __m256i pieces[2] = {_mm256_unpacklo_epi64(front, back),
                                 _mm256_unpackhi_epi64(front, back)};
      for (int odd = 0; odd < 2; ++odd) {
        out.low[s][odd] = _mm256_and_si256(pieces[odd], mask);
        out.high[s][odd] = _mm256_and_si256(_mm256_srli_epi16(pieces[odd], 4), mask);
      }
    }
  }
};

struct SuperQ5_K {
  static constexpr int kLargest = 31;
  static constexpr std::size_t kBytes = sizeof(BlockQ5_K);

  static void load_bytes(Address w, PairedWeights& out) {
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i sixteen = _mm256_set1_epi8(16);
    const __m256i bits = load256(w + 16);
    const __m256i pieces_of_bits[2] = {_mm256_permute4x64_epi64(bits, 0xa0),
                                       _mm256_permute4x64_epi64(bits, 0xf5)};
    for (std::size_t s = 0; s < 2; ++s) {
      const __m256i front = load256(w + 48 + 32 * s);
      const __m256i back = load256(w + 112 + 32 * s);
      const __m256i pieces[2] = {_mm256_unpacklo_epi64(front, back),
                                 _mm256_unpackhi_epi64(front, back)};
      for (int odd = 0; odd < 2; ++odd) {
        // The fifth bits of chunk c are 2c and 2c + 1; chunks alternate s, 2 + s.
        const __m256i here = pieces_of_bits[odd];
        const __m256i low_bit =
            s == 0 ? _mm256_sllv_epi64(here, _mm256_setr_epi64x(4, 0, 4, 0)) : shift_by_two(here);
        const __m256i high_bit = _mm256_srli_epi64(low_bit, 1);
        out.low[s][odd] = _mm256_or_si256(_mm256_and_si256(pieces[odd], mask),
                                          _mm256_and_si256(low_bit, sixteen));
        out.high[s][odd] =
            _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(pieces[odd], 4), mask),
                            _mm256_and_si256(high_bit, sixteen));
      }
    }
  }

 private:
  // Bit 2 (of chunk 1) and bit 6 (of chunk 3) to bit 4, bits 3 and 7 to bit 5.
  static __m256i shift_by_two(__m256i bits) {
    return _mm256_blend_epi32(_mm256_slli_epi64(bits, 2), _mm256_srli_epi64(bits, 2), 0xcc);
  }
};

// Scales, and minimums where there are any, of 16 groups as signed bytes, and their factors.
struct HalvedScales {
  __m128i scale, minimum;
  __m256 d, dmin;
};

// What Q2_K, Q3_K and Q6_K share (HalvedGroup). q[s]: 32 unsigned bytes of block s in column order.
struct HalvedWeights {
  __m256i q[8];
  alignas(32) std::int16_t scale_words[16];
  __m256i by_sum;  // 16-bit: multiplies the sums of 16 columns
  __m256 d, d_by_sum;

  template <typename Type>
  void set_scales(Address w) {
    const HalvedScales of = Type::load_scales(w);
    const __m256i words = _mm256_cvtepi8_epi16(of.scale);
    _mm256_store_si256(reinterpret_cast<__m256i*>(scale_words), words);
    d = of.d;
    if constexpr (Type::kHasMinimum) {
      by_sum = _mm256_cvtepi8_epi16(of.minimum);
      d_by_sum = _mm256_sub_ps(_mm256_setzero_ps(), of.dmin);
    } else {
      by_sum = words;
      d_by_sum = _mm256_mul_ps(d, _mm256_set1_ps(-1.0F * Type::kOffset));
    }
  }

  // Scales of groups 2b and 2b + 1, a lane each.
  __m256i scales(std::size_t b) const {
    std::int32_t two;
    std::memcpy(&two, scale_words + 2 * b, sizeof two);
    const __m256i places = _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2,
                                            3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3);
    return _mm256_shuffle_epi8(_mm256_set1_epi32(two), places);
  }

  void apply(const HalvedGroup& x, __m256& total, __m256& by_sums) const {
    __m256 scaled = _mm256_setzero_ps();
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i dots = dot_unsigned(q[b], load_x(x.q + b % 4 * 64 + b / 4 * 32));
      const __m256 sums = _mm256_cvtepi32_ps(_mm256_madd_epi16(dots, scales(b)));
      scaled = _mm256_fmadd_ps(sums, _mm256_broadcast_ss(x.scale + 4 + b), scaled);
    }
    total = _mm256_fmadd_ps(d, scaled, total);
    const __m256i weighted = _mm256_madd_epi16(by_sum, load256(x.sum));
    const __m256 by = _mm256_mul_ps(_mm256_cvtepi32_ps(weighted), _mm256_loadu_ps(x.scale + 4));
    by_sums = _mm256_fmadd_ps(d_by_sum, by, by_sums);
  }
};

struct SuperQ6_K {
  static constexpr int kLargest = 63;
  static constexpr std::size_t kBytes = sizeof(BlockQ6_K);
  static constexpr int kOffset = 32;
  static constexpr bool kHasMinimum = false;

  static void load_bytes(Address w, HalvedWeights& out) {
    const __m256i low_mask = _mm256_set1_epi8(15);
    const __m256i high_mask = _mm256_set1_epi8(0x30);
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256i a = load256(w + 64 * h);
      const __m256i b = load256(w + 64 * h + 32);
      const __m256i bits = load256(w + 128 + 32 * h);
      const auto join = [&](__m256i nibbles, __m256i high) {
        return _mm256_or_si256(_mm256_and_si256(nibbles, low_mask),
                               _mm256_and_si256(high, high_mask));
      };
      out.q[4 * h] = join(a, _mm256_slli_epi16(bits, 4));
      out.q[4 * h + 1] = join(b, _mm256_slli_epi16(bits, 2));
      out.q[4 * h + 2] = join(_mm256_srli_epi16(a, 4), bits);
      out.q[4 * h + 3] = join(_mm256_srli_epi16(b, 4), _mm256_srli_epi16(bits, 2));
    }
  }
  static HalvedScales load_scales(Address w) {
    return {load128(w + 192), _mm_setzero_si128(), broadcast_half(w + 208), _mm256_setzero_ps()};
  }
};

struct SuperQ3_K {
  static constexpr int kLargest = 7;
  static constexpr std::size_t kBytes = sizeof(BlockQ3_K);
  static constexpr int kOffset = 4;
  static constexpr bool kHasMinimum = false;

  static void load_bytes(Address w, HalvedWeights& out) {
    const __m256i three = _mm256_set1_epi8(3);
    const __m256i four = _mm256_set1_epi8(4);
    const __m256i masks = load256(w);
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256i pairs = load256(w + 32 + 32 * h);
      const __m256i third = h == 0 ? masks : _mm256_srli_epi16(masks, 4);
      const auto join = [&](__m256i low, __m256i high) {
        return _mm256_or_si256(_mm256_and_si256(low, three), _mm256_and_si256(high, four));
      };
      out.q[4 * h] = join(pairs, _mm256_slli_epi16(third, 2));
      out.q[4 * h + 1] = join(_mm256_srli_epi16(pairs, 2), _mm256_slli_epi16(third, 1));
      out.q[4 * h + 2] = join(_mm256_srli_epi16(pairs, 4), third);
      out.q[4 * h + 3] = join(_mm256_srli_epi16(pairs, 6), _mm256_srli_epi16(third, 1));
    }
  }
  // Layout: quant/blocks.h, BlockQ3_K.
  static HalvedScales load_scales(Address w) {
    std::uint64_t low;
    std::memcpy(&low, w + 96, sizeof low);
    const __m128i nibbles =
        _mm_set_epi64x(static_cast<std::int64_t>(low >> 4), static_cast<std::int64_t>(low));
    const auto high = static_cast<std::uint32_t>(load32(w + 104));
    const auto word = [](std::uint32_t bits) { return static_cast<std::int32_t>(bits); };
    const __m128i twos =
        _mm_setr_epi32(word(high << 4), word(high << 2), word(high), word(high >> 2));
    const __m128i joined = _mm_or_si128(_mm_and_si128(nibbles, _mm_set1_epi8(15)),
                                        _mm_and_si128(twos, _mm_set1_epi8(0x30)));
    return {_mm_sub_epi8(joined, _mm_set1_epi8(32)), _mm_setzero_si128(), broadcast_half(w + 108),
            _mm256_setzero_ps()};
  }
};

struct SuperQ2_K {
  static constexpr int kLargest = 3;
  static constexpr std::size_t kBytes = sizeof(BlockQ2_K);
  static constexpr int kOffset = 0;
  static constexpr bool kHasMinimum = true;

  static void load_bytes(Address w, HalvedWeights& out) {
    const __m256i three = _mm256_set1_epi8(3);
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256i pairs = load256(w + 16 + 32 * h);
      for (int s = 0; s < 4; ++s) {
        out.q[4 * h + static_cast<std::size_t>(s)] =
            _mm256_and_si256(_mm256_srli_epi16(pairs, 2 * s), three);
      }
    }
  }
  static HalvedScales load_scales(Address w) {
    const __m128i bytes = load128(w);
    const __m128i mask = _mm_set1_epi8(15);
    return {_mm_and_si128(bytes, mask), _mm_and_si128(_mm_srli_epi16(bytes, 4), mask),
            broadcast_half(w + 80), broadcast_half(w + 82)};
  }
};

// Sums of a row, and those by minimums or offsets.
template <int n>
struct SplitSums {
  __m256 total[n];
  __m256 other[n];
  SplitSums() {
    for (auto& sum : total) sum = _mm256_setzero_ps();
    for (auto& sum : other) sum = _mm256_setzero_ps();
  }
  __m256 lanes(int i) const { return _mm256_add_ps(total[i], other[i]); }
};

template <typename Type, typename Weights, typename Columns, int long_streams>
struct SplitBlock {
  using Simd = Simd256;
  using Group = Columns;
  template <int n>
  using Sums = SplitSums<n>;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kStreams = 4;
  static constexpr int kLongStreams = long_streams;

  explicit SplitBlock(Address w) {
    Type::load_bytes(w, weights);
    weights.template set_scales<Type>(w);
  }
  template <int n>
  void add(const Columns& x, SplitSums<n>& sums, int i) const {
    weights.apply(x, sums.total[i], sums.other[i]);
  }

  Weights weights;
};

template <typename Type>
using PairedRow = SuperRow<SplitBlock<Type, PairedWeights, PairedGroup, 8>>;
template <typename Type>
using HalvedRow = SuperRow<SplitBlock<Type, HalvedWeights, HalvedGroup, 4>>;

}  // namespace
}  // namespace ceiling::cpu
