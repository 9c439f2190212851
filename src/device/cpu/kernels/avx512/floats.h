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

constexpr std::size_t kFloatStep = 64;

struct FloatGroup {
  static constexpr std::size_t kColumns = kFloatStep;
  float x[kFloatStep];
};

// Several sums a row of activations hide the latency of adding; eight rows do so by themselves.
template <int n>
struct FloatSums {
  static constexpr std::size_t kParts = n < 8 ? 4 : 1;
  __m512 part[n][kParts];
  FloatSums() {
    for (auto& parts : part) {
      for (auto& sum : parts) sum = _mm512_setzero_ps();
    }
  }
  __m512 lanes(int i) const {
    if constexpr (kParts == 1) {
      return part[i][0];
    } else {
      return _mm512_add_ps(_mm512_add_ps(part[i][0], part[i][1]),
                           _mm512_add_ps(part[i][2], part[i][3]));
    }
  }
};

template <typename Stored>
struct FloatRow {
  using Simd = Simd512;
  using Group = FloatGroup;
  template <int n>
  using Sums = FloatSums<n>;
  static constexpr std::size_t kColumns = kFloatStep;
  static constexpr std::size_t kBytes = kFloatStep * Stored::kBytes;
  static constexpr int kStreams = 2;
  static constexpr int kLongStreams = 4;

  template <int n>
  void step(Address w, const Group* const* x, Sums<n>& sums) const {
    prefetch_stream<kBytes>(w);
    for (std::size_t k = 0; k < 4; ++k) {
      const __m512 weights = Stored::load(w + 16 * k * Stored::kBytes);
      for (int i = 0; i < n; ++i) {
        __m512& sum = sums.part[i][k % Sums<n>::kParts];
        sum = _mm512_fmadd_ps(weights, _mm512_loadu_ps(x[i]->x + 16 * k), sum);
      }
    }
  }

  template <int n>
  void last(Address w, std::size_t columns, const Group* const* x, Sums<n>& sums) const {
    for (std::size_t c = 0; c < columns; c += 16) {
      const auto lanes = static_cast<__mmask16>((1u << smaller(columns - c, 16)) - 1);
      const __m512 weights = Stored::load(w + c * Stored::kBytes, lanes);
      for (int i = 0; i < n; ++i) {
        const __m512 activations = _mm512_maskz_loadu_ps(lanes, x[i]->x + c);
        __m512& sum = sums.part[i][c / 16 % Sums<n>::kParts];
        sum = _mm512_fmadd_ps(weights, activations, sum);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
