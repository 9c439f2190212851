// AVX2 lanes for strips of 8 rows (kernels/strips.h).
#pragma once

#include "device/cpu/kernels/avx2/simd.h"
#include "device/cpu/kernels/tile_out.h"

namespace ceiling::cpu {
namespace {

// v[r] lane c becomes v[c] lane r.
inline void transpose(__m256 (&v)[8]) {
  __m256 t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  __m256 u[8];
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int c = 0; c < 4; ++c) {
    v[c] = _mm256_permute2f128_ps(u[c], u[4 + c], 0x20);
    v[4 + c] = _mm256_permute2f128_ps(u[c], u[4 + c], 0x31);
  }
}

inline __m256i first_lanes(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

struct Lanes8 {
  static constexpr std::size_t kRows = 8;
  static constexpr std::size_t kSteps = 8;
  using Ints = __m256i;
  using Floats = __m256;
  static Ints load(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }
  static Floats load(const float* p) { return _mm256_load_ps(p); }
  static Ints broadcast(std::int32_t value) { return _mm256_set1_epi32(value); }
  static Floats broadcast(float value) { return _mm256_set1_ps(value); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats as_floats(Ints value) { return _mm256_castsi256_ps(value); }

  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t count, std::uint32_t* out) {
    const __m256i lanes = first_lanes(count);
    __m256 v[8];
    for (std::size_t r = 0; r < 8; ++r) {
      v[r] = _mm256_setzero_ps();
      if (r < rows)
        v[r] = _mm256_maskload_ps(reinterpret_cast<const float*>(x + r * x_pitch), lanes);
    }
    transpose(v);
    for (std::size_t s = 0; s < 8; ++s) {
      if (s < count) _mm256_store_ps(reinterpret_cast<float*>(out + 8 * s), v[s]);
    }
  }

  template <int rows>
  static void store_tile(const Floats (&total)[rows], const TileOut& out) {
    for (std::size_t first = 0; first < out.rows; first += 8) {
      __m256 v[8];
      for (std::size_t i = 0; i < 8; ++i) {
        v[i] = first + i < rows ? total[first + i] : _mm256_setzero_ps();
      }
      transpose(v);
      const __m256i lanes = first_lanes(smaller(out.rows - first, 8));
      for (std::size_t i = 0; i < out.activations; ++i) {
        float* y = out.y + i * out.pitch + first;
        const __m256 value = out.add ? _mm256_add_ps(_mm256_maskload_ps(y, lanes), v[i]) : v[i];
        _mm256_maskstore_ps(y, lanes, value);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
