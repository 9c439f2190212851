// Rows of the types with blocks of 256 weights: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS.
//
// A block becomes four registers of unsigned bytes that hold 4 columns of each of its 16 groups, a
// group a lane (LanedGroup). The products of all four add up in integers; then one multiplication
// by the activations' scales and one by the groups' settle a row of activations, and one by their
// sums what the bytes are offset by, or the minimums.
#pragma once

#include "device/cpu/kernels/avx512/iq4_xs.h"
#include "device/cpu/kernels/avx512/super_blocks.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

// A constant register of 32-bit lanes, lane(g) + add in lane g.
template <int (*lane)(int), int add = 0>
inline __m512i lanes_of() {
  struct Lanes {
    alignas(64) int value[16];
  };
  static constexpr Lanes kLanes = [] {
    Lanes out{};
    for (int g = 0; g < 16; ++g) out.value[g] = lane(g) + add;
    return out;
  }();
  return _mm512_load_si512(&kLanes);
}

struct LanedWeights {
  __m512i q[4];
  __m512 scale;    // of each group
  __m512 minimum;  // to be taken away by the activations' sums; only where a type has one
};

// q[k]: 32-bit word place(g) + k of 128 bytes (or 64), in lane g, shifted right by shift(g); of
// each byte the bits of `mask`.
template <int (*place)(int), int (*shift)(int), int mask>
inline void split_bytes(Address bytes128, __m512i (&q)[4]) {
  const __m512i front = load512(bytes128);
  const __m512i back = keep(load512(bytes128 + 64));
  const auto one = [&](__m512i places) {
    const __m512i words = _mm512_permutex2var_epi32(front, places, back);
    return _mm512_and_si512(_mm512_srlv_epi32(words, lanes_of<shift>()), _mm512_set1_epi8(mask));
  };
  q[0] = one(lanes_of<place, 0>());
  q[1] = one(lanes_of<place, 1>());
  q[2] = one(lanes_of<place, 2>());
  q[3] = one(lanes_of<place, 3>());
}
template <int (*place)(int), int (*shift)(int), int mask>
inline void split_bytes(__m512i bytes64, __m512i (&q)[4]) {
  const auto one = [&](__m512i places) {
    const __m512i words = _mm512_permutexvar_epi32(places, bytes64);
    return _mm512_and_si512(_mm512_srlv_epi32(words, lanes_of<shift>()), _mm512_set1_epi8(mask));
  };
  q[0] = one(lanes_of<place, 0>());
  q[1] = one(lanes_of<place, 1>());
  q[2] = one(lanes_of<place, 2>());
  q[3] = one(lanes_of<place, 3>());
}

// Adds to q[k] the bits of `mask` of word place(g) + k, rotated left by rotation(g).
template <int (*place)(int), int (*rotation)(int), int mask>
inline void add_bits(__m512i bits, __m512i (&q)[4]) {
  const auto one = [&](__m512i& out, __m512i places) {
    const __m512i words = _mm512_permutexvar_epi32(places, bits);
    const __m512i turned = _mm512_rolv_epi32(words, lanes_of<rotation>());
    // out | (turned & mask)
    out = _mm512_ternarylogic_epi32(out, turned, _mm512_set1_epi8(mask), 0xf8);
  };
  one(q[0], lanes_of<place, 0>());
  one(q[1], lanes_of<place, 1>());
  one(q[2], lanes_of<place, 2>());
  one(q[3], lanes_of<place, 3>());
}

// 16 unsigned bytes as floats.
inline __m512 floats_of(__m128i bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)); }

// Four halves as floats in memory, from where they are broadcast without work for the vector units.
struct Factors {
  alignas(16) float value[4];
  explicit Factors(__m128i halves) {
    _mm_store_ps(value, _mm_cvtph_ps(halves));
    asm("" : "+m"(value));
  }
  __m512 all(std::size_t i) const { return _mm512_set1_ps(value[i]); }
};

// Where groups lie in the bytes, by group g = 0..15: in words of 32 bits.
constexpr int nibble_word(int g) { return g / 4 * 8 + g % 2 * 4; }  // Q4_K, Q5_K
constexpr int nibble_shift(int g) { return g / 2 % 2 * 4; }
constexpr int half_of_32(int g) { return g % 2 * 4; }              // 32 bytes for all groups
constexpr int half_of_64(int g) { return g / 8 * 8 + g % 2 * 4; }  // 32 bytes for each 128 weights
constexpr int two_bit_shift(int g) { return g % 8 / 2 * 2; }

// The 6-bit scales and minimums of Q4_K and Q5_K, from a block's first 16 bytes, twice each: the
// minimums of the 16 groups, then their scales. Layout: quant/blocks.h, unpack_scales.
inline __m256i unpack_six_bits_twice(Address w) {
  const __m256i header = _mm256_broadcastsi128_si256(load128(w));
  const __m256i low_bytes =
      _mm256_setr_epi8(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 4, 4, 5, 5, 6, 6,
                       7, 7, 12, 12, 13, 13, 14, 14, 15, 15);
  const __m256i high_bytes =
      _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 8, 8, 9, 9, 10, 10, 11, 11, -1, -1, -1, -1,
                       -1, -1, -1, -1, 4, 4, 5, 5, 6, 6, 7, 7);
  const __m256i low_bits = _mm256_setr_epi64x(0x3f3f3f3f3f3f3f3f, 0x0f0f0f0f0f0f0f0f,
                                              0x3f3f3f3f3f3f3f3f, 0x0f0f0f0f0f0f0f0f);
  const __m256i shifts = _mm256_setr_epi64x(0, 4, 0, 0);
  const __m256i low =
      _mm256_and_si256(_mm256_srlv_epi64(_mm256_shuffle_epi8(header, low_bytes), shifts), low_bits);
  const __m256i high = _mm256_srli_epi16(_mm256_shuffle_epi8(header, high_bytes), 2);
  // low | (high & 0x30)
  return _mm256_ternarylogic_epi32(low, high, _mm256_set1_epi8(0x30), 0xf8);
}

inline void set_paired_scales(Address w, LanedWeights& out) {
  const __m256i bytes = unpack_six_bits_twice(w);
  const Factors factors(load128(w));
  out.minimum = _mm512_mul_ps(floats_of(_mm256_castsi256_si128(bytes)), factors.all(1));
  out.scale = _mm512_mul_ps(floats_of(_mm256_extracti128_si256(bytes, 1)), factors.all(0));
}

// Scales that are signed bytes of groups, times the half that ends at `end` (at least 8 bytes into
// a block).
inline void set_signed_scales(__m128i scales, Address end, LanedWeights& out) {
  const Factors factors(_mm_loadu_si64(end - 8));
  out.scale = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)), factors.all(3));
}

// A type gives kBytes of a block, kOffset that its bytes carry (0: it has minimums), and the
// weights of a block.
struct LanedQ4_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ4_K);
  static constexpr int kOffset = 0;
  static void load(Address w, LanedWeights& out) {
    split_bytes<nibble_word, nibble_shift, 15>(w + 16, out.q);
    set_paired_scales(w, out);
  }
};

struct LanedQ5_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ5_K);
  static constexpr int kOffset = 0;
  static constexpr int to_bit4(int g) { return (4 - g / 2) & 31; }
  static void load(Address w, LanedWeights& out) {
    split_bytes<nibble_word, nibble_shift, 15>(w + 48, out.q);
    add_bits<half_of_32, to_bit4, 16>(_mm512_castsi256_si512(load256(w + 16)), out.q);
    set_paired_scales(w, out);
  }
};

struct LanedQ6_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ6_K);
  static constexpr int kOffset = 32;
  static constexpr int word(int g) { return g / 8 * 16 + g / 2 % 2 * 8 + g % 2 * 4; }
  static constexpr int shift(int g) { return g % 8 / 4 * 4; }
  static constexpr int to_bit4(int g) { return (4 - two_bit_shift(g)) & 31; }
  static void load(Address w, LanedWeights& out) {
    split_bytes<word, shift, 15>(w, out.q);
    add_bits<half_of_64, to_bit4, 0x30>(load512(w + 128), out.q);
    set_signed_scales(load128(w + 192), w + kBytes, out);
  }
};

struct LanedQ3_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ3_K);
  static constexpr int kOffset = 4;
  static constexpr int to_bit2(int g) { return (2 - g / 2) & 31; }
  static void load(Address w, LanedWeights& out) {
    split_bytes<half_of_64, two_bit_shift, 3>(load512(w + 32), out.q);
    add_bits<half_of_32, to_bit2, 4>(_mm512_castsi256_si512(load256(w)), out.q);
    set_signed_scales(SuperQ3_K::unpack_scales(w + 96), w + kBytes, out);
  }
};

struct LanedQ2_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ2_K);
  static constexpr int kOffset = 0;
  static void load(Address w, LanedWeights& out) {
    split_bytes<half_of_64, two_bit_shift, 3>(load512(w + 16), out.q);
    const __m128i bytes = load128(w);
    const __m128i mask = _mm_set1_epi8(15);
    const Factors factors(_mm_loadu_si64(w + kBytes - 8));
    out.scale = _mm512_mul_ps(floats_of(_mm_and_si128(bytes, mask)), factors.all(2));
    const __m128i minimums = _mm_and_si128(_mm_srli_epi16(bytes, 4), mask);
    out.minimum = _mm512_mul_ps(floats_of(minimums), factors.all(3));
  }
};

struct LanedIQ4_XS {
  static constexpr std::size_t kBytes = sizeof(BlockIQ4_XS);
  static constexpr int kOffset = 128;
  static constexpr int word(int g) { return g / 2 * 4; }
  static constexpr int shift(int g) { return g % 2 * 4; }
  static void load(Address w, LanedWeights& out) {
    split_bytes<word, shift, 15>(w + 8, out.q);
    const __m512i levels = iq4_levels();
    for (auto& q : out.q) q = _mm512_shuffle_epi8(levels, q);
    const __m128i bytes = _mm_cvtsi64_si128(static_cast<std::int64_t>(iq4_xs_scales(w)));
    const __m128i scales = _mm_sub_epi8(_mm_unpacklo_epi8(bytes, bytes), _mm_set1_epi8(32));
    const Factors factors(_mm_cvtsi32_si128(load16(w)));
    out.scale = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)), factors.all(0));
  }
};

template <typename Type>
struct LanedBlock {
  using Simd = Simd512;
  using Group = LanedGroup;
  template <int n>
  using Sums = LaneSums<Simd512, n>;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kStreams = 8;
  static constexpr int kLongStreams = 8;

  explicit LanedBlock(Address w) { Type::load(w, weights); }

  template <int n>
  void add(const LanedGroup& x, LaneSums<Simd512, n>& sums, int i) const {
    __m512i dots = _mm512_setzero_si512();
    for (std::size_t k = 0; k < 4; ++k) {
      dots = _mm512_dpbusd_epi32(dots, weights.q[k], _mm512_load_si512(x.q + 64 * k));
    }
    __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(dots), _mm512_load_ps(x.scale));
    const __m512 sum = _mm512_load_ps(x.scaled_sum);
    __m512& total = sums.total[i];
    if constexpr (Type::kOffset != 0) {
      scaled = _mm512_fnmadd_ps(_mm512_set1_ps(Type::kOffset), sum, scaled);
    } else {
      total = _mm512_fnmadd_ps(weights.minimum, sum, total);
    }
    total = _mm512_fmadd_ps(weights.scale, scaled, total);
  }

  LanedWeights weights;
};

}  // namespace
}  // namespace ceiling::cpu
