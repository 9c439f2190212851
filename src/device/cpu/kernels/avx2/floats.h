// Rows of F32, F16 and BF16 weights times float32 activations.
#pragma once

#include "device/cpu/kernels/avx2/simd.h"

namespace ceiling::cpu {
namespace {

struct StoredF32 {
  static constexpr std::size_t kBytes = 4;
  static __m256 load(Address w) { return _mm256_loadu_ps(reinterpret_cast<const float*>(w)); }
};

struct StoredF16 {
  static constexpr std::size_t kBytes = 2;
  static __m256 load(Address w) { return _mm256_cvtph_ps(load128(w)); }
};

struct StoredBF16 {
  static constexpr std::size_t kBytes = 2;
  static __m256 load(Address w) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load128(w)), 16));
  }
};

// The first `count` (1..8) weights; nothing beyond them is read, and the rest is zero.
template <typename Stored>
inline __m256 load_some(Address w, std::size_t count) {
  alignas(32) std::uint8_t bytes[8 * Stored::kBytes] = {};
  std::memcpy(bytes, w, count * Stored::kBytes);
  return Stored::load(bytes);
}

constexpr std::size_t kFloatStep = 32;

struct FloatGroup {
  static constexpr std::size_t kColumns = kFloatStep;
  float x[kFloatStep];
};

template <int n>
struct FloatSums {
  __m256 part[n][4];
  FloatSums() {
    for (auto& parts : part) {
      for (auto& sum : parts) sum = _mm256_setzero_ps();
    }
  }
  __m256 lanes(int i) const {
    return _mm256_add_ps(_mm256_add_ps(part[i][0], part[i][1]),
                         _mm256_add_ps(part[i][2], part[i][3]));
  }
};

template <typename Stored>
struct FloatRow {
  using Simd = Simd256;
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
      const __m256 weights = Stored::load(w + 8 * k * Stored::kBytes);
      for (int i = 0; i < n; ++i) {
        sums.part[i][k] =
            _mm256_fmadd_ps(weights, _mm256_loadu_ps(x[i]->x + 8 * k), sums.part[i][k]);
      }
    }
  }

  // Prepared rows are padded with zeros.
  template <int n>
  void last(Address w, std::size_t columns, const Group* const* x, Sums<n>& sums) const {
    for (std::size_t c = 0; c < columns; c += 8) {
      const __m256 weights = load_some<Stored>(w + c * Stored::kBytes, smaller(columns - c, 8));
      for (int i = 0; i < n; ++i) {
        const __m256 activations =
            load_some<StoredF32>(reinterpret_cast<Address>(x[i]->x + c), smaller(columns - c, 8));
        sums.part[i][c / 8] = _mm256_fmadd_ps(weights, activations, sums.part[i][c / 8]);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
