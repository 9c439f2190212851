// What the AVX2 kernels share. Internal linkage, as all headers of kernels.
#pragma once

#include <immintrin.h>

#include "device/cpu/kernels/stream.h"

namespace ceiling::cpu {
namespace {

inline __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

// 16 bytes from each of two places.
inline __m256i load_two(Address a, Address b) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load128(a)), load128(b), 1);
}
inline __m256i broadcast128(__m128i value) { return _mm256_broadcastsi128_si256(value); }

// The half at p, in all lanes, as float.
inline __m256 broadcast_half(Address p) {
  return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(load16(p))));
}

// 32 products in 16-bit sums of two. They cannot overflow: unsigned bytes up to 127, or signed ones
// through dot_signed, times -127..127.
inline __m256i dot_unsigned(__m256i weights, __m256i x) { return _mm256_maddubs_epi16(weights, x); }
inline __m256i dot_signed(__m256i weights, __m256i x) {
  return _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights));
}
// 16-bit sums, added in pairs.
inline __m256i widen_sums(__m256i sums) { return _mm256_madd_epi16(sums, _mm256_set1_epi16(1)); }

struct Simd256 {
  using Vector = __m256;
  static constexpr int kSummed = 8;
  static constexpr int kFloatStreams = 2;
  static constexpr int kLongFloatStreams = 4;
  static constexpr std::size_t kLanes = 8;
  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector load(const float* x) { return _mm256_loadu_ps(x); }
  static Vector load_some(const float* x, std::size_t count) {
    alignas(32) float lanes[kLanes] = {};
    std::memcpy(lanes, x, count * sizeof(float));
    return _mm256_load_ps(lanes);
  }

  // sums[r]: the sum of the lanes of v[r], each by the same tree of additions.
  static void sum_each(const Vector* v, float* sums) {
    const __m256 a = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    const __m256 b = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
    const __m256 low = _mm256_permute2f128_ps(a, b, 0x20);
    const __m256 high = _mm256_permute2f128_ps(a, b, 0x31);
    _mm256_store_ps(sums, _mm256_add_ps(low, high));
  }
};

}  // namespace
}  // namespace ceiling::cpu
