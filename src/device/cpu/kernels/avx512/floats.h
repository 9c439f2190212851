// F32, F16 and BF16 weights as float32.
#pragma once

#include "device/cpu/kernels/avx512/simd.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

struct StoredF32 {
  using Simd = Simd512;
  static constexpr std::size_t kBytes = 4;
  static __m512 load(Address w) { return _mm512_loadu_ps(w); }
  static __m512 load_some(Address w, std::size_t count) {
    return _mm512_maskz_loadu_ps(first_lanes(count), w);
  }
};

struct StoredF16 {
  using Simd = Simd512;
  static constexpr std::size_t kBytes = 2;
  static __m512 load(Address w) { return _mm512_cvtph_ps(load256(w)); }
  static __m512 load_some(Address w, std::size_t count) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(count), w));
  }
};

struct StoredBF16 {
  using Simd = Simd512;
  static constexpr std::size_t kBytes = 2;
  static __m512 widen(__m256i bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static __m512 load(Address w) { return widen(load256(w)); }
  static __m512 load_some(Address w, std::size_t count) {
    return widen(_mm256_maskz_loadu_epi16(first_lanes(count), w));
  }
};

}  // namespace
}  // namespace ceiling::cpu
