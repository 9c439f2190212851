// Rows of F32, F16 and BF16 weights times float32 activations.
#pragma once

#include "device/cpu/kernels/avx512/simd.h"

namespace ceiling::cpu {
namespace {

struct StoredF32 {
  static constexpr std::size_t kBytes = 4;
  static __m512 load(Address w) { return _mm512_loadu_ps(w); }
  static __m512 load(Address w, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, w); }
};

struct StoredF16 {
  static constexpr std::size_t kBytes = 2;
  static __m512 load(Address w) { return _mm512_cvtph_ps(load256(w)); }
  static __m512 load(Address w, __mmask16 lanes) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, w));
  }
};

struct StoredBF16 {
  static constexpr std::size_t kBytes = 2;
  static __m512 widen(__m256i bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static __m512 load(Address w) { return widen(load256(w)); }
  static __m512 load(Address w, __mmask16 lanes) {
    return widen(_mm256_maskz_loadu_epi16(lanes, w));
  }
};

template <typename Stored>
struct FloatRow {
  using Group = float;

  template <int n>
  static void product(Address w, std::size_t cols, const Group* const* x, __m512* total) {
    constexpr std::size_t step = 64;
    __m512 sums[n][4];
    for (int i = 0; i < n; ++i) {
      for (auto& sum : sums[i]) sum = _mm512_setzero_ps();
    }
    std::size_t c = 0;
    for (; c + step <= cols; c += step, w += step * Stored::kBytes) {
      prefetch_stream<step * Stored::kBytes>(w);
      for (std::size_t k = 0; k < 4; ++k) {
        const __m512 weights = Stored::load(w + 16 * k * Stored::kBytes);
        for (int i = 0; i < n; ++i) {
          sums[i][k] = _mm512_fmadd_ps(weights, _mm512_loadu_ps(x[i] + c + 16 * k), sums[i][k]);
        }
      }
    }
    for (; c < cols; c += 16, w += 16 * Stored::kBytes) {
      const std::size_t left = cols - c;
      const auto lanes = static_cast<__mmask16>(left < 16 ? (1u << left) - 1 : 0xffffu);
      const __m512 weights = Stored::load(w, lanes);
      for (int i = 0; i < n; ++i) {
        const __m512 activations = _mm512_maskz_loadu_ps(lanes, x[i] + c);
        sums[i][0] = _mm512_fmadd_ps(weights, activations, sums[i][0]);
      }
    }
    for (int i = 0; i < n; ++i) {
      const __m512 sum = _mm512_add_ps(_mm512_add_ps(sums[i][0], sums[i][1]),
                                       _mm512_add_ps(sums[i][2], sums[i][3]));
      total[i] = _mm512_add_ps(total[i], sum);
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
