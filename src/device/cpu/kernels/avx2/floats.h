// F32, F16 and BF16 weights as float32.
#pragma once

#include "device/cpu/kernels/avx2/simd.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

// The first `count` (1..8) weights; nothing beyond them is read, and the rest is zero.
template <typename Stored>
inline __m256 load_first(Address w, std::size_t count) {
  alignas(32) std::uint8_t bytes[8 * Stored::kBytes] = {};
  std::memcpy(bytes, w, count * Stored::kBytes);
  return Stored::load(bytes);
}

struct StoredF32 {
  using Simd = Simd256;
  static constexpr std::size_t kBytes = 4;
  static __m256 load(Address w) { return _mm256_loadu_ps(reinterpret_cast<const float*>(w)); }
  static __m256 load_some(Address w, std::size_t count) { return load_first<StoredF32>(w, count); }
};

struct StoredF16 {
  using Simd = Simd256;
  static constexpr std::size_t kBytes = 2;
  static __m256 load(Address w) { return _mm256_cvtph_ps(load128(w)); }
  static __m256 load_some(Address w, std::size_t count) { return load_first<StoredF16>(w, count); }
};

struct StoredBF16 {
  using Simd = Simd256;
  static constexpr std::size_t kBytes = 2;
  static __m256 load(Address w) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load128(w)), 16));
  }
  static __m256 load_some(Address w, std::size_t count) { return load_first<StoredBF16>(w, count); }
};

}  // namespace
}  // namespace ceiling::cpu
