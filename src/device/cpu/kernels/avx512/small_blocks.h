// Rows of the types with blocks of 32 weights: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL.
//
// Four blocks (a quad) fill two registers: their first 16 and their last 16 weights, so that each
// 128-bit lane holds one block. Four quads are summed by a tree to 16 sums, one a block, which are
// scaled together.
#pragma once

#include <bit>

#include "device/cpu/kernels/avx512/simd.h"
#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/row_shapes.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

// The bytes of a quad: 64 from its start and the 32 that end it, as 16-bit words.
struct QuadBytes {
  __m512i front, back;
};

template <typename Type>
inline QuadBytes load_quad(Address quad) {
  return {keep(load512(quad)), _mm512_castsi256_si512(load256(quad + Type::kBack))};
}

// The first `blocks` (1..3) of a quad; nothing beyond them is read, and the rest is zero.
template <typename Type>
inline QuadBytes load_quad(Address quad, std::size_t blocks) {
  const std::size_t words = blocks * Type::kBytes / 2;
  const unsigned front = words < 32 ? (1u << words) - 1 : ~0u;
  constexpr std::size_t skipped = Type::kBack / 2;
  const auto back = static_cast<__mmask16>(words > skipped ? (1u << (words - skipped)) - 1 : 0);
  return {_mm512_maskz_loadu_epi16(front, quad),
          _mm512_castsi256_si512(_mm256_maskz_loadu_epi16(back, quad + Type::kBack))};
}

// Where a quad's word is found: 0..31 in its front, later ones in its back.
template <typename Type>
constexpr short place(std::size_t word) {
  return static_cast<short>(word < 32 ? word : 32 + word - Type::kBack / 2);
}
inline __m512i pick(const QuadBytes& quad, __m512i places) {
  return _mm512_permutex2var_epi16(quad.front, places, quad.back);
}

// The places of the 16 bytes that start `skip` bytes into each of four blocks.
template <typename Type, std::size_t skip>
inline __m512i places_of_bytes() {
  static constexpr auto kPlaces = make_words([](int i) {
    const auto block = static_cast<std::size_t>(i / 8);
    return place<Type>((block * Type::kBytes + skip) / 2 + static_cast<std::size_t>(i % 8));
  });
  return constant(kPlaces);
}

// The places of what else a quad's weights need, one block a lane: word 0 the scale, word 1 the
// minimum, words 2 and 3 the fifth bits, `extra` bytes into a block.
template <typename Type, std::size_t extra = 0>
inline __m512i places_of_header() {
  static constexpr auto kPlaces = make_words([](int i) {
    const auto block = static_cast<std::size_t>(i / 8);
    const auto word = static_cast<std::size_t>(i % 4);
    return place<Type>(block * Type::kBytes / 2 + (word < 2 ? word : extra / 2 + word - 2));
  });
  return constant(kPlaces);
}

struct Halves {
  __m512i first, last;  // unsigned bytes: weights 0..15 and 16..31 of each of four blocks
};

inline Halves split_nibbles(__m512i bytes) {
  const __m512i mask = _mm512_set1_epi8(15);
  return {_mm512_and_si512(bytes, mask), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask)};
}

// A type gives: kBytes of a block; kBack, where a quad's last 32 bytes start; kOffset that its
// unsigned bytes carry; whether it has a minimum; the header of a quad and its weights. Objects
// hold what stays in registers.
template <typename Block>
struct SmallType {
  static constexpr std::size_t kBytes = sizeof(Block);
  static constexpr std::size_t kBack = 4 * kBytes - 32;
  static constexpr int kOffset = 0;
  static constexpr bool kHasMinimum = false;
};

struct SmallQ4_0 : SmallType<BlockQ4_0> {
  static constexpr int kOffset = 8;
  __m512i nibbles = places_of_bytes<SmallQ4_0, 2>();
  __m512i headers = places_of_header<SmallQ4_0>();
  __m512i header(const QuadBytes& quad) const { return pick(quad, headers); }
  Halves weights(const QuadBytes& quad, __m512i) const {
    return split_nibbles(pick(quad, nibbles));
  }
};

struct SmallQ4_1 : SmallType<BlockQ4_1> {
  static constexpr bool kHasMinimum = true;
  __m512i nibbles = places_of_bytes<SmallQ4_1, 4>();
  __m512i headers = places_of_header<SmallQ4_1>();
  __m512i header(const QuadBytes& quad) const { return pick(quad, headers); }
  Halves weights(const QuadBytes& quad, __m512i) const {
    return split_nibbles(pick(quad, nibbles));
  }
};

// kIq4Values + 128, in each lane.
inline __m512i iq4_levels() {
  constexpr auto level = [](int i) {
    return static_cast<char>(kIq4Values[static_cast<std::size_t>(i)] + 128);
  };
  return broadcast128(_mm_setr_epi8(level(0), level(1), level(2), level(3), level(4), level(5),
                                    level(6), level(7), level(8), level(9), level(10), level(11),
                                    level(12), level(13), level(14), level(15)));
}

struct SmallIQ4_NL : SmallQ4_0 {
  static constexpr int kOffset = 128;
  __m512i levels = iq4_levels();
  Halves weights(const QuadBytes& quad, __m512i) const {
    const Halves index = split_nibbles(pick(quad, nibbles));
    return {_mm512_shuffle_epi8(levels, index.first), _mm512_shuffle_epi8(levels, index.last)};
  }
};

// Adds the fifth bits that bytes 4..7 of each lane of the header hold.
inline Halves add_fifth_bits(const Halves& low, __m512i header) {
  const __m512i first = broadcast128(_mm_setr_epi8(4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5));
  const __m512i last = broadcast128(_mm_setr_epi8(6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7));
  const __m512i one_bit = _mm512_set1_epi64(static_cast<std::int64_t>(0x8040201008040201ull));
  const __m512i sixteen = _mm512_set1_epi8(16);
  const __mmask64 k0 = _mm512_test_epi8_mask(_mm512_shuffle_epi8(header, first), one_bit);
  const __mmask64 k1 = _mm512_test_epi8_mask(_mm512_shuffle_epi8(header, last), one_bit);
  return {_mm512_mask_add_epi8(low.first, k0, low.first, sixteen),
          _mm512_mask_add_epi8(low.last, k1, low.last, sixteen)};
}

struct SmallQ5_0 : SmallType<BlockQ5_0> {
  static constexpr int kOffset = 16;
  __m512i nibbles = places_of_bytes<SmallQ5_0, 6>();
  __m512i headers = places_of_header<SmallQ5_0, 2>();
  __m512i header(const QuadBytes& quad) const { return pick(quad, headers); }
  Halves weights(const QuadBytes& quad, __m512i header) const {
    return add_fifth_bits(split_nibbles(pick(quad, nibbles)), header);
  }
};

struct SmallQ5_1 : SmallType<BlockQ5_1> {
  static constexpr bool kHasMinimum = true;
  __m512i nibbles = places_of_bytes<SmallQ5_1, 8>();
  __m512i headers = places_of_header<SmallQ5_1, 4>();
  __m512i header(const QuadBytes& quad) const { return pick(quad, headers); }
  Halves weights(const QuadBytes& quad, __m512i header) const {
    return add_fifth_bits(split_nibbles(pick(quad, nibbles)), header);
  }
};

// A quad of Q8_0 is too long for two registers: only its header is read through them, its weights
// block by block.
struct SmallQ8_0 : SmallType<BlockQ8_0> {
  static constexpr std::size_t kBack = 2 * kBytes + 4;
  static constexpr int kOffset = 128;
};

// The weights of a quad of which `blocks` are present, and its header.
template <typename Type>
inline Halves decode_quad(const Type& type, Address w, std::size_t blocks, __m512i& header) {
  const QuadBytes quad = blocks == 4 ? load_quad<Type>(w) : load_quad<Type>(w, blocks);
  header = type.header(quad);
  return type.weights(quad, header);
}

inline Halves decode_quad(const SmallQ8_0&, Address w, std::size_t blocks, __m512i& header) {
  constexpr std::size_t bytes = SmallQ8_0::kBytes;
  // Absent blocks: the last one again, without scale.
  const Address a = w;
  const Address b = blocks > 1 ? w + bytes : w;
  const Address c = blocks > 2 ? w + 2 * bytes : w;
  const Address d = blocks > 3 ? w + 3 * bytes : w;
  const auto half = [&](Address block, std::size_t index) {
    return index < blocks ? static_cast<int>(load16(block)) : 0;
  };
  header = _mm512_setzero_si512();
  header = _mm512_inserti32x4(header, _mm_cvtsi32_si128(half(a, 0)), 0);
  header = _mm512_inserti32x4(header, _mm_cvtsi32_si128(half(b, 1)), 1);
  header = _mm512_inserti32x4(header, _mm_cvtsi32_si128(half(c, 2)), 2);
  header = _mm512_inserti32x4(header, _mm_cvtsi32_si128(half(d, 3)), 3);
  const __m512i sign = _mm512_set1_epi8(-128);
  return {_mm512_xor_si512(load_four(a + 2, b + 2, c + 2, d + 2), sign),
          _mm512_xor_si512(load_four(a + 18, b + 18, c + 18, d + 18), sign)};
}

// Lane 4l + k: the sum of lane l of v[k].
inline __m512i sum_lanes(const __m512i* v) {
  const __m512i ab =
      _mm512_add_epi32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const __m512i cd =
      _mm512_add_epi32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

inline __m512i dot_quad(const Halves& weights, const SmallGroup& x, std::size_t quad) {
  const std::int8_t* q = x.q + 128 * quad;
  const __m512i first =
      _mm512_dpbusd_epi32(_mm512_setzero_si512(), weights.first, _mm512_load_si512(q));
  return _mm512_dpbusd_epi32(first, weights.last, _mm512_load_si512(q + 64));
}

// Scales (and minimums) of 16 blocks, block 4k + l at lane 4l + k.
struct SmallScales {
  __m512 scale, minimum;

  explicit SmallScales(const __m512i* headers) {
    const __m512i ab = _mm512_unpacklo_epi32(headers[0], headers[1]);
    const __m512i cd = _mm512_unpacklo_epi32(headers[2], headers[3]);
    static constexpr auto kApart =
        make_words([](int i) { return static_cast<short>(i % 16 * 2 + i / 16); });
    const __m512i halves =
        _mm512_permutexvar_epi16(load512(&kApart), _mm512_unpacklo_epi64(ab, cd));
    scale = _mm512_cvtph_ps(_mm512_castsi512_si256(halves));
    minimum = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(halves, 1));
  }
};

// Adds 16 blocks' products, given the integer sums of their quads.
template <typename Type>
inline __m512 add_scaled(__m512 total, const SmallScales& scales, const __m512i* quads,
                         const SmallGroup& x) {
  const __m512i sums = _mm512_load_si512(x.sum);
  __m512i dots = sum_lanes(quads);
  if constexpr (Type::kOffset != 0) {
    constexpr unsigned shift = std::countr_zero(static_cast<unsigned>(Type::kOffset));
    dots = _mm512_sub_epi32(dots, _mm512_slli_epi32(sums, shift));
  }
  __m512 part = _mm512_mul_ps(_mm512_cvtepi32_ps(dots), scales.scale);
  if constexpr (Type::kHasMinimum) {
    part = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scales.minimum, part);
  }
  return _mm512_fmadd_ps(_mm512_load_ps(x.scale), part, total);
}

// Quad k alone, which has no others to be summed with: its blocks' sums stay spread over lanes.
template <typename Type, std::size_t k>
inline __m512 add_scaled_quad(__m512 total, __m512i header, __m512i dots, const SmallGroup& x) {
  static constexpr auto kSpread =
      make_words([](int i) { return static_cast<short>(i % 16 / 4 * 8 + i / 16); });
  const __m512i halves = _mm512_permutexvar_epi16(load512(&kSpread), header);
  const __m512i sums = _mm512_maskz_loadu_epi32(0x1111 << k, x.sum);  // in one lane of each block
  if constexpr (Type::kOffset != 0) {
    constexpr unsigned shift = std::countr_zero(static_cast<unsigned>(Type::kOffset));
    dots = _mm512_sub_epi32(dots, _mm512_slli_epi32(sums, shift));
  }
  const __m512 scale = _mm512_cvtph_ps(_mm512_castsi512_si256(halves));
  __m512 part = _mm512_mul_ps(_mm512_cvtepi32_ps(dots), scale);
  if constexpr (Type::kHasMinimum) {
    const __m512 minimum = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(halves, 1));
    part = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), minimum, part);
  }
  const __m512 x_scale = _mm512_permute_ps(_mm512_load_ps(x.scale), 0x55 * k);
  return _mm512_fmadd_ps(x_scale, part, total);
}

template <typename Type>
struct SmallRow : SmallRowShape<Simd512, 16 * Type::kBytes, 8, 8> {
  static constexpr std::size_t kBytes = 16 * Type::kBytes;
  static constexpr std::size_t kQuad = 4 * Type::kBytes;

  // x[i]: the activations' group of the same columns as w.
  template <int n>
  void step(Address w, const SmallGroup* const* x, LaneSums<Simd512, n>& sums) const {
    __m512i headers[4];
    __m512i quads[n][4];
    for (std::size_t k = 0; k < 4; ++k, w += kQuad) {
      const Halves weights = decode_quad(type_, w, 4, headers[k]);
      for (int i = 0; i < n; ++i) quads[i][k] = dot_quad(weights, *x[i], k);
    }
    const SmallScales scales(headers);
    for (int i = 0; i < n; ++i) {
      sums.total[i] = add_scaled<Type>(sums.total[i], scales, quads[i], *x[i]);
    }
  }

  // The last columns, fewer than a step; absent blocks have no scale.
  template <int n>
  void last(Address w, std::size_t columns, const SmallGroup* const* x,
            LaneSums<Simd512, n>& sums) const {
    const std::size_t blocks = columns / kScaled;
    quad<n, 0>(w, blocks, x, sums);
    if (blocks > 4) quad<n, 1>(w + kQuad, blocks - 4, x, sums);
    if (blocks > 8) quad<n, 2>(w + 2 * kQuad, blocks - 8, x, sums);
    if (blocks > 12) quad<n, 3>(w + 3 * kQuad, blocks - 12, x, sums);
  }

 private:
  template <int n, std::size_t k>
  void quad(Address w, std::size_t left, const SmallGroup* const* x,
            LaneSums<Simd512, n>& sums) const {
    __m512i header;
    const Halves weights = decode_quad(type_, w, left < 4 ? left : 4, header);
    for (int i = 0; i < n; ++i) {
      sums.total[i] =
          add_scaled_quad<Type, k>(sums.total[i], header, dot_quad(weights, *x[i], k), *x[i]);
    }
  }

  Type type_;
};

}  // namespace
}  // namespace ceiling::cpu
