// Compiled with AVX2 and FMA: it includes nothing whose inline functions other units could share.
#include <immintrin.h>

#include "probe/compute_kernel.h"

namespace ceiling::probe {

std::uint64_t f32_avx2(std::uint64_t iterations) {
  constexpr int kSums = 12;  // latency 4-5 x 2 units, and two registers for the factors
  const __m256 one = _mm256_set1_ps(1);
  __m256 sums[kSums];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(one, one, sum);
  }
  std::uint64_t total = 0;
  for (const __m256& sum : sums) {
    alignas(32) float lanes[8];
    _mm256_store_ps(lanes, sum);
    for (const float lane : lanes) total += static_cast<std::uint64_t>(lane);
  }
  return total;
}

std::uint64_t int8_avx2(std::uint64_t iterations) {
  constexpr int kSums = 8;
  __m256i one8 = _mm256_set1_epi8(1);
  const __m256i one16 = _mm256_set1_epi16(1);
  __m256i sums[kSums];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (__m256i& sum : sums) {
      asm volatile("" : "+x"(one8));  // else the products would be taken out of the loop
      const __m256i pairs = _mm256_maddubs_epi16(one8, one8);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, one16));
    }
  }
  std::uint64_t total = 0;
  for (const __m256i& sum : sums) {
    alignas(32) std::uint32_t lanes[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
    for (const std::uint32_t lane : lanes) total += lane;
  }
  return total;
}

}  // namespace ceiling::probe
