// Sixteen floats in an AVX-512 register.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace ceiling::cpu {
namespace {

using Floats = __m512;
typedef std::uint32_t Bits __attribute__((vector_size(64)));
constexpr std::size_t kLanes = 16;
constexpr std::size_t kTileVectors = 4;  // columns of a register tile, in vectors

inline Floats load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Floats v) { _mm512_storeu_ps(p, v); }
inline Floats broadcast(float x) { return _mm512_set1_ps(x); }
inline Floats fused(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats load_elements(const std::int8_t* p) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline Floats load_elements(const std::uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline Floats broadcast_half(std::uint16_t half) {
  return _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<short>(half)));
}
inline void store_half(std::uint16_t* p, Floats v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Floats minimum(Floats a, Floats b) { return _mm512_min_ps(b, a); }
inline Floats maximum(Floats a, Floats b) { return _mm512_max_ps(b, a); }
inline float total(Floats v) { return _mm512_reduce_add_ps(v); }
inline float largest(Floats v) { return _mm512_reduce_max_ps(v); }

}  // namespace
}  // namespace ceiling::cpu
