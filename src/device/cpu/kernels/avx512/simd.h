// What the AVX-512 kernels share. Internal linkage, as all headers of kernels.
#pragma once

#include <immintrin.h>

#include "device/cpu/kernels/stream.h"

namespace ceiling::cpu {
namespace {

inline __m512i load512(const void* p) { return _mm512_loadu_si512(p); }
inline __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

// A constant register of 16-bit words.
struct Words {
  alignas(64) short word[32];
};
template <typename Function>
constexpr Words make_words(Function word) {
  Words out{};
  for (int i = 0; i < 32; ++i) out.word[i] = word(i);
  return out;
}

// A value that the compiler must keep in a register once read, instead of reading it at each use.
inline __m512i keep(__m512i value) {
  asm("" : "+v"(value));
  return value;
}
inline __m512i constant(const Words& words) { return keep(_mm512_load_si512(&words)); }

// 16 bytes from each of four places.
inline __m512i load_four(Address a, Address b, Address c, Address d) {
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(load128(a)), load128(b), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(load128(c)), load128(d), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// 32 bytes from each of two places.
inline __m512i load_two(const void* a, const void* b) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(load256(a)), load256(b), 1);
}

inline __m512i broadcast128(__m128i value) { return _mm512_broadcast_i32x4(value); }

inline __mmask16 first_lanes(std::size_t count) {
  return static_cast<__mmask16>((1u << count) - 1);
}

struct Simd512 {
  using Vector = __m512;
  static constexpr std::size_t kLanes = 16;
  static constexpr int kSummed = 16;
  static constexpr int kFloatStreams = 8;
  static constexpr int kLongFloatStreams = 8;
  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector load(const float* x) { return _mm512_loadu_ps(x); }
  static Vector load_some(const float* x, std::size_t count) {
    return _mm512_maskz_loadu_ps(first_lanes(count), x);
  }

  // sums[r]: the sum of the lanes of v[r]. Every vector takes the same tree of additions, so that a
  // row's result does not depend on its place among the 16.
  static void sum_each(const Vector* v, float* sums) {
    __m512 fours[4];
    for (std::size_t i = 0; i < 4; ++i) {
      const __m512* r = v + 4 * i;
      const __m512 ab =
          _mm512_add_ps(_mm512_unpacklo_ps(r[0], r[1]), _mm512_unpackhi_ps(r[0], r[1]));
      const __m512 cd =
          _mm512_add_ps(_mm512_unpacklo_ps(r[2], r[3]), _mm512_unpackhi_ps(r[2], r[3]));
      const __m512d abd = _mm512_castps_pd(ab);
      const __m512d cdd = _mm512_castps_pd(cd);
      fours[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(abd, cdd)),
                               _mm512_castpd_ps(_mm512_unpackhi_pd(abd, cdd)));
    }
    const __m512 low = _mm512_add_ps(_mm512_shuffle_f32x4(fours[0], fours[1], 0x88),
                                     _mm512_shuffle_f32x4(fours[0], fours[1], 0xdd));
    const __m512 high = _mm512_add_ps(_mm512_shuffle_f32x4(fours[2], fours[3], 0x88),
                                      _mm512_shuffle_f32x4(fours[2], fours[3], 0xdd));
    _mm512_store_ps(sums, _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88),
                                        _mm512_shuffle_f32x4(low, high, 0xdd)));
  }
};

}  // namespace
}  // namespace ceiling::cpu
