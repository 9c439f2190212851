// Rows of the types with blocks of 32 weights: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL.
//
// Four blocks (a quad) fill two registers: their first 16 and their last 16 weights, so that each
// 128-bit lane holds one block. Four quads are summed by a tree to 16 sums, one a block, which are
// scaled together.
#pragma once

#include <bit>

#include "device/cpu/kernels/avx512/simd.h"
#include "device/cpu/kernels/prepared.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

struct Halves {
  __m512i first, last;  // unsigned bytes: weights 0..15 and 16..31 of each of four blocks
};

// A type gives: kBytes of a block, kOffset that its unsigned bytes carry, whether it has a minimum,
// and for a quad the bytes of its weights and the 16-bit words in which its halves are found.
struct SmallQ4_0 {
  static constexpr std::size_t kBytes = sizeof(BlockQ4_0);
  static constexpr int kOffset = 8;
  static constexpr bool kHasMinimum = false;
  static constexpr std::size_t kQuants = 2;

  static Halves weights(Address a, Address b, Address c, Address d) {
    const __m512i mask = _mm512_set1_epi8(15);
    const __m512i bytes = load_four(a + kQuants, b + kQuants, c + kQuants, d + kQuants);
    return {_mm512_and_si512(bytes, mask), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask)};
  }
  // Word of the first half of each of four blocks, after patch().
  static constexpr short kWords[4] = {0, 9, 18, 27};
  static __m512i patch(__m512i words, Address, std::size_t) { return words; }
};

struct SmallIQ4_NL : SmallQ4_0 {
  static constexpr int kOffset = 128;

  static __m512i levels() {
    // kIq4Values + 128
    return broadcast128(_mm_setr_epi8(
        1, 24, 45, 63, 79, 93, 106, 118, static_cast<char>(129), static_cast<char>(141),
        static_cast<char>(153), static_cast<char>(166), static_cast<char>(181),
        static_cast<char>(197), static_cast<char>(217), static_cast<char>(241)));
  }
  static Halves weights(Address a, Address b, Address c, Address d) {
    const Halves index = SmallQ4_0::weights(a, b, c, d);
    return {_mm512_shuffle_epi8(levels(), index.first), _mm512_shuffle_epi8(levels(), index.last)};
  }
};

struct SmallQ4_1 {
  static constexpr std::size_t kBytes = sizeof(BlockQ4_1);
  static constexpr int kOffset = 0;
  static constexpr bool kHasMinimum = true;

  static Halves weights(Address a, Address b, Address c, Address d) {
    return SmallQ4_0::weights(a + 2, b + 2, c + 2, d + 2);
  }
  static constexpr short kWords[4] = {0, 10, 20, 30};
  static __m512i patch(__m512i words, Address, std::size_t) { return words; }
};

// The fifth bits of four blocks, each 32 bits at its address, added to their low four.
inline Halves add_fifth_bits(Halves low, Address a, Address b, Address c, Address d) {
  __m512i bits = _mm512_set1_epi32(load32(a));
  bits = _mm512_mask_set1_epi32(bits, 0x00f0, load32(b));
  bits = _mm512_mask_set1_epi32(bits, 0x0f00, load32(c));
  bits = _mm512_mask_set1_epi32(bits, 0xf000, load32(d));
  const __m512i first = broadcast128(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const __m512i last = _mm512_add_epi8(first, _mm512_set1_epi8(2));
  const __m512i one_bit = _mm512_set1_epi64(static_cast<std::int64_t>(0x8040201008040201ull));
  const __m512i sixteen = _mm512_set1_epi8(16);
  const __mmask64 k0 = _mm512_test_epi8_mask(_mm512_shuffle_epi8(bits, first), one_bit);
  const __mmask64 k1 = _mm512_test_epi8_mask(_mm512_shuffle_epi8(bits, last), one_bit);
  return {_mm512_mask_add_epi8(low.first, k0, low.first, sixteen),
          _mm512_mask_add_epi8(low.last, k1, low.last, sixteen)};
}

struct SmallQ5_0 {
  static constexpr std::size_t kBytes = sizeof(BlockQ5_0);
  static constexpr int kOffset = 16;
  static constexpr bool kHasMinimum = false;

  static Halves weights(Address a, Address b, Address c, Address d) {
    return add_fifth_bits(SmallQ4_0::weights(a + 4, b + 4, c + 4, d + 4), a + 2, b + 2, c + 2,
                          d + 2);
  }
  static constexpr short kWords[4] = {0, 11, 22, 31};
  static __m512i patch(__m512i words, Address quad, std::size_t blocks) {  // word 33 goes to 31
    return _mm512_mask_loadu_epi16(words, blocks > 3 ? 0x80000000u : 0u, quad + 2 * (33 - 31));
  }
};

struct SmallQ5_1 {
  static constexpr std::size_t kBytes = sizeof(BlockQ5_1);
  static constexpr int kOffset = 0;
  static constexpr bool kHasMinimum = true;

  static Halves weights(Address a, Address b, Address c, Address d) {
    return add_fifth_bits(SmallQ4_0::weights(a + 6, b + 6, c + 6, d + 6), a + 4, b + 4, c + 4,
                          d + 4);
  }
  static constexpr short kWords[4] = {0, 12, 24, 30};
  static __m512i patch(__m512i words, Address quad, std::size_t blocks) {  // 36, 37 go to 30, 31
    return _mm512_mask_loadu_epi16(words, blocks > 3 ? 0xc0000000u : 0u, quad + 2 * (36 - 30));
  }
};

struct SmallQ8_0 {
  static constexpr std::size_t kBytes = sizeof(BlockQ8_0);
  static constexpr int kOffset = 128;
  static constexpr bool kHasMinimum = false;

  static Halves weights(Address a, Address b, Address c, Address d) {
    const __m512i sign = _mm512_set1_epi8(-128);
    return {_mm512_xor_si512(load_four(a + 2, b + 2, c + 2, d + 2), sign),
            _mm512_xor_si512(load_four(a + 18, b + 18, c + 18, d + 18), sign)};
  }
  static constexpr short kWords[4] = {0, 17, 31, 30};
  static __m512i patch(__m512i words, Address quad, std::size_t blocks) {
    words = _mm512_mask_loadu_epi16(words, blocks > 2 ? 0x80000000u : 0u, quad + 2 * (34 - 31));
    return _mm512_mask_loadu_epi16(words, blocks > 3 ? 0x40000000u : 0u, quad + 2 * (51 - 30));
  }
};

// Scales (and minimums) of 16 blocks: block 4k + l at lane 4l + k.
struct SmallScales {
  __m512i words = _mm512_setzero_si512();  // halves: scales in the low 16, minimums in the high

  // Those of a quad of which `blocks` are present.
  template <typename Type>
  void gather(int quad, __m512i quad_words, std::size_t blocks) {
    static constexpr auto kIndex =
        make_words([](int i) { return static_cast<short>(Type::kWords[i % 16 / 4] + i / 16); });
    constexpr unsigned all = Type::kHasMinimum ? 0x11111111u : 0x1111u;
    const unsigned present = (0xffffu >> (16 - 4 * blocks)) * 0x10001u;
    const auto lanes = static_cast<__mmask32>((all & present) << quad);
    words = _mm512_mask_permutexvar_epi16(words, lanes, load512(&kIndex), quad_words);
  }
  __m512 scale() const { return _mm512_cvtph_ps(_mm512_castsi512_si256(words)); }
  __m512 minimum() const { return _mm512_cvtph_ps(_mm512_extracti64x4_epi64(words, 1)); }
};

// Lane 4l + k: the sum of lane l of v[k].
inline __m512i sum_lanes(const __m512i* v) {
  const __m512i ab =
      _mm512_add_epi32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const __m512i cd =
      _mm512_add_epi32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

inline __m512i dot_quad(const Halves& weights, const SmallGroup& x, int quad) {
  const std::int8_t* q = x.q + 128 * quad;
  const __m512i first =
      _mm512_dpbusd_epi32(_mm512_setzero_si512(), weights.first, _mm512_load_si512(q));
  return _mm512_dpbusd_epi32(first, weights.last, _mm512_load_si512(q + 64));
}

// Adds 16 blocks' products, given their scales and the integer sums of each.
template <typename Type>
inline __m512 add_scaled(__m512 total, const SmallScales& scales, const __m512i* quads,
                         const SmallGroup& x) {
  const __m512i sums = _mm512_load_si512(x.sum);
  __m512i dots = sum_lanes(quads);
  if constexpr (Type::kOffset != 0) {
    constexpr unsigned shift = std::countr_zero(static_cast<unsigned>(Type::kOffset));
    dots = _mm512_sub_epi32(dots, _mm512_slli_epi32(sums, shift));
  }
  __m512 part = _mm512_mul_ps(_mm512_cvtepi32_ps(dots), scales.scale());
  if constexpr (Type::kHasMinimum) {
    part = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scales.minimum(), part);
  }
  return _mm512_fmadd_ps(_mm512_load_ps(x.scale), part, total);
}

template <typename Type>
struct SmallRow {
  using Group = SmallGroup;
  static constexpr std::size_t kQuad = 4 * Type::kBytes;

  // w: a row of `cols` weights; x[i]: prepared activations; total[i] += lanes of the products.
  template <int n>
  static void product(Address w, std::size_t cols, const Group* const* x, __m512* total) {
    const std::size_t blocks = cols / kScaled;
    std::size_t g = 0;
    for (; g < blocks / 16; ++g, w += 4 * kQuad) whole_group<n>(w, x, g, total);
    if (blocks % 16 != 0) last_group<n>(w, blocks % 16, x, g, total);
  }

 private:
  template <int n>
  static void whole_group(Address w, const Group* const* x, std::size_t g, __m512* total) {
    SmallScales scales;
    __m512i quads[n][4];
    for (int k = 0; k < 4; ++k, w += kQuad) {
      prefetch_stream<kQuad>(w);
      const Halves weights =
          Type::weights(w, w + Type::kBytes, w + 2 * Type::kBytes, w + 3 * Type::kBytes);
      for (int i = 0; i < n; ++i) quads[i][k] = dot_quad(weights, x[i][g], k);
      scales.template gather<Type>(k, Type::patch(load512(w), w, 4), 4);
    }
    for (int i = 0; i < n; ++i) total[i] = add_scaled<Type>(total[i], scales, quads[i], x[i][g]);
  }

  // Fewer than 16 blocks. Nothing beyond them is read; lanes of absent blocks have no scale.
  template <int n>
  static void last_group(Address w, std::size_t blocks, const Group* const* x, std::size_t g,
                         __m512* total) {
    SmallScales scales;
    __m512i quads[n][4];
    for (int k = 0; k < 4; ++k, w += kQuad) {
      const std::size_t first = 4 * static_cast<std::size_t>(k);
      if (first >= blocks) {
        for (int i = 0; i < n; ++i) quads[i][k] = _mm512_setzero_si512();
        continue;
      }
      const std::size_t present = blocks - first < 4 ? blocks - first : 4;
      const auto block = [&](std::size_t b) {
        return w + (b < present ? b : present - 1) * Type::kBytes;
      };
      const Halves weights = Type::weights(block(0), block(1), block(2), block(3));
      for (int i = 0; i < n; ++i) quads[i][k] = dot_quad(weights, x[i][g], k);
      const std::size_t words = present * Type::kBytes / 2;
      const __mmask32 readable = words < 32 ? (1u << words) - 1 : ~0u;
      const __m512i start = _mm512_maskz_loadu_epi16(readable, w);
      scales.template gather<Type>(k, Type::patch(start, w, present), present);
    }
    for (int i = 0; i < n; ++i) total[i] = add_scaled<Type>(total[i], scales, quads[i], x[i][g]);
  }
};

}  // namespace
}  // namespace ceiling::cpu
