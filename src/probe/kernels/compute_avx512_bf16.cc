// Compiled with AVX-512 BF16: it includes nothing whose inline functions other units could share.
#include <immintrin.h>

#include "probe/compute_kernel.h"

namespace ceiling::probe {

std::uint64_t bf16_avx512(std::uint64_t iterations) {
  constexpr int kSums = 16;
  const __m512bh one = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1), _mm512_set1_ps(1));
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, one, one);
  }
  std::uint64_t total = 0;
  for (const __m512& sum : sums) {
    alignas(64) float lanes[16];
    _mm512_store_ps(lanes, sum);
    for (const float lane : lanes) total += static_cast<std::uint64_t>(lane);
  }
  return total;
}

}  // namespace ceiling::probe
