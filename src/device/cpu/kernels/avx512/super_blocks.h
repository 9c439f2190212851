// The bytes and scales of the types with blocks of 256 weights, Q2_K, Q3_K, Q4_K, Q5_K and Q6_K, in
// the order that costs least: for panels, where any order serves, and for rows with nested scales.
#pragma once

#include "device/cpu/kernels/avx512/simd.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

// The half that ends at `end`, at least eight bytes into a block, in all lanes as float.
inline __m512 broadcast_half_before(Address end) {
  const __m128 four = _mm_cvtph_ps(_mm_loadu_si64(end - 8));
  return _mm512_permutexvar_ps(_mm512_set1_epi32(3), _mm512_castps128_ps512(four));
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
  return _mm_ternarylogic_epi32(low, high, _mm_set1_epi8(0x30), 0xf8);  // low | (high & 0x30)
}

// The weights of Q4_K and Q5_K: the 64-bit pieces of nibbles from the first 64 weights' bytes and
// the third's alternate, as do those of the second's and the fourth's: even and odd pieces. In 128
// bits, groups g and g + 4 of low nibbles, g + 1 and g + 5 of high ones, with g = 0, 0, 2, 2.
struct PairedWeights {
  __m512i low[2], high[2];
};

struct SuperQ4_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ4_K);

  static void load_bytes(Address w, PairedWeights& out) {
    const __m512i mask = _mm512_set1_epi8(15);
    const __m512i front = load512(w + 16);
    const __m512i back = keep(load512(w + 80));
    const __m512i even = _mm512_unpacklo_epi64(front, back);
    const __m512i odd = _mm512_unpackhi_epi64(front, back);
    out.low[0] = _mm512_and_si512(even, mask);
    out.low[1] = _mm512_and_si512(odd, mask);
    out.high[0] = _mm512_and_si512(_mm512_srli_epi16(even, 4), mask);
    out.high[1] = _mm512_and_si512(_mm512_srli_epi16(odd, 4), mask);
  }
};

struct SuperQ5_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ5_K);

  static void load_bytes(Address w, PairedWeights& out) {
    const __m512i front = load512(w + 48);
    const __m512i back = keep(load512(w + 112));
    const __m512i bits = _mm512_castsi256_si512(load256(w + 16));
    set(out.low[0], out.high[0], _mm512_unpacklo_epi64(front, back),
        _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 2, 2, 0, 0, 2, 2), bits));
    set(out.low[1], out.high[1], _mm512_unpackhi_epi64(front, back),
        _mm512_permutexvar_epi64(_mm512_setr_epi64(1, 1, 3, 3, 1, 1, 3, 3), bits));
  }

 private:
  static void set(__m512i& low, __m512i& high, __m512i nibbles, __m512i bits) {
    // Pieces belong to the chunks 0 2 0 2 1 3 1 3; the fifth bits of chunk c are 2c and 2c + 1.
    const __m512i to_bit4 = _mm512_setr_epi64(4, 0, 4, 0, 2, 62, 2, 62);
    const __m512i fifth = _mm512_rolv_epi64(bits, to_bit4);  // bit 2c at 4, bit 2c + 1 at 5
    low = join(nibbles, fifth);
    high = join(_mm512_srli_epi16(nibbles, 4), _mm512_srli_epi16(fifth, 1));
  }
  // (nibbles & 15) | (fifth & 16)
  static __m512i join(__m512i nibbles, __m512i fifth) {
    return _mm512_ternarylogic_epi32(_mm512_and_si512(fifth, _mm512_set1_epi8(16)), nibbles,
                                     _mm512_set1_epi8(15), 0xf8);
  }
};

// Scales, and minimums where there are any, of 16 groups as signed bytes.
struct ScaleBytes {
  __m128i scale, minimum;
};
// The same and their factors.
struct HalvedScales : ScaleBytes {
  __m512 d, dmin;
};

// Q2_K, Q3_K and Q6_K. q[s]: blocks (of 32) s and 4 + s as unsigned bytes.
struct HalvedWeights {
  __m512i q[4];
};

struct SuperQ6_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ6_K);
  static constexpr int kOffset = 32;
  static constexpr bool kHasMinimum = false;

  static void load_bytes(Address w, HalvedWeights& out) {
    const __m512i low_mask = _mm512_set1_epi8(15);
    const __m512i high_mask = _mm512_set1_epi8(0x30);
    const __m512i a = load_two(w, w + 64);
    const __m512i b = load_two(w + 32, w + 96);
    const __m512i bits = load512(w + 128);
    // (nibbles & 15) | (bits & 0x30)
    const auto join = [&](__m512i nibbles, __m512i high) {
      return _mm512_ternarylogic_epi32(_mm512_and_si512(high, high_mask), nibbles, low_mask, 0xf8);
    };
    out.q[0] = join(a, _mm512_slli_epi16(bits, 4));
    out.q[1] = join(b, _mm512_slli_epi16(bits, 2));
    out.q[2] = join(_mm512_srli_epi16(a, 4), bits);
    out.q[3] = join(_mm512_srli_epi16(b, 4), _mm512_srli_epi16(bits, 2));
  }
  static ScaleBytes load_scale_bytes(Address w) { return {load128(w + 192), _mm_setzero_si128()}; }
  static HalvedScales load_scales(Address w) {
    return {load_scale_bytes(w), broadcast_half_before(w + kBytes), _mm512_setzero_ps()};
  }
};

struct SuperQ3_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ3_K);
  static constexpr int kOffset = 4;
  static constexpr bool kHasMinimum = false;

  static void load_bytes(Address w, HalvedWeights& out) {
    const __m512i pairs = load512(w + 32);
    const __m512i masks = _mm512_broadcast_i64x4(load256(w));
    const __m512i high = _mm512_srlv_epi64(masks, _mm512_setr_epi64(0, 0, 0, 0, 4, 4, 4, 4));
    const __m512i three = _mm512_set1_epi8(3);
    const __m512i four = _mm512_set1_epi8(4);
    const auto join = [&](__m512i low, __m512i third) {  // (low & 3) | (third & 4)
      return _mm512_ternarylogic_epi32(_mm512_and_si512(third, four), low, three, 0xf8);
    };
    out.q[0] = join(pairs, _mm512_slli_epi16(high, 2));
    out.q[1] = join(_mm512_srli_epi16(pairs, 2), _mm512_slli_epi16(high, 1));
    out.q[2] = join(_mm512_srli_epi16(pairs, 4), high);
    out.q[3] = join(_mm512_srli_epi16(pairs, 6), _mm512_srli_epi16(high, 1));
  }
  static ScaleBytes load_scale_bytes(Address w) {
    return {unpack_scales(w + 96), _mm_setzero_si128()};
  }
  static HalvedScales load_scales(Address w) {
    return {load_scale_bytes(w), broadcast_half_before(w + kBytes), _mm512_setzero_ps()};
  }

  // 16 signed bytes; layout: quant/blocks.h, BlockQ3_K.
  static __m128i unpack_scales(Address packed) {
    std::uint64_t low;
    std::memcpy(&low, packed, sizeof low);
    const __m128i nibbles =
        _mm_set_epi64x(static_cast<std::int64_t>(low >> 4), static_cast<std::int64_t>(low));
    const __m128i twos =
        _mm_rolv_epi32(_mm_set1_epi32(load32(packed + 8)), _mm_setr_epi32(4, 2, 0, 30));
    const __m128i joined = _mm_ternarylogic_epi32(_mm_and_si128(twos, _mm_set1_epi8(0x30)), nibbles,
                                                  _mm_set1_epi8(15), 0xf8);
    return _mm_sub_epi8(joined, _mm_set1_epi8(32));
  }
};

struct SuperQ2_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ2_K);
  static constexpr int kOffset = 0;
  static constexpr bool kHasMinimum = true;

  static void load_bytes(Address w, HalvedWeights& out) {
    const __m512i three = _mm512_set1_epi8(3);
    const __m512i pairs = load512(w + 16);
    out.q[0] = _mm512_and_si512(pairs, three);
    out.q[1] = _mm512_and_si512(_mm512_srli_epi16(pairs, 2), three);
    out.q[2] = _mm512_and_si512(_mm512_srli_epi16(pairs, 4), three);
    out.q[3] = _mm512_and_si512(_mm512_srli_epi16(pairs, 6), three);
  }
  static ScaleBytes load_scale_bytes(Address w) {
    const __m128i bytes = load128(w);
    const __m128i mask = _mm_set1_epi8(15);
    return {_mm_and_si128(bytes, mask), _mm_and_si128(_mm_srli_epi16(bytes, 4), mask)};
  }
  static HalvedScales load_scales(Address w) {
    return {load_scale_bytes(w), broadcast_half_before(w + kBytes - 2),
            broadcast_half_before(w + kBytes)};
  }
};

}  // namespace
}  // namespace ceiling::cpu
