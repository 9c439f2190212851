// Compiled with AVX-512 and VNNI: it includes nothing whose inline functions other units could
// share.
#include <immintrin.h>

#include "probe/compute_kernel.h"

namespace ceiling::probe {
namespace {

constexpr int kSums = 16;  // enough chains to hide a latency of 5 on two units

}  // namespace

std::uint64_t f32_avx512(std::uint64_t iterations) {
  const __m512 one = _mm512_set1_ps(1);
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(one, one, sum);
  }
  std::uint64_t total = 0;
  for (const __m512& sum : sums) {
    alignas(64) float lanes[16];
    _mm512_store_ps(lanes, sum);
    for (const float lane : lanes) total += static_cast<std::uint64_t>(lane);
  }
  return total;
}

std::uint64_t int8_avx512(std::uint64_t iterations) {
  const __m512i one = _mm512_set1_epi8(1);
  __m512i sums[kSums];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, one, one);
  }
  std::uint64_t total = 0;
  for (const __m512i& sum : sums) {
    alignas(64) std::uint32_t lanes[16];
    _mm512_store_si512(lanes, sum);
    for (const std::uint32_t lane : lanes) total += lane;
  }
  return total;
}

}  // namespace ceiling::probe
