// AVX2 lanes for strips of 8 and of 16 rows (kernels/strips.h).
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

// 8 rows in one register.
struct Lanes8 {
  static constexpr std::size_t kRows = 8;
  static constexpr std::size_t kSteps = 8;
  using Ints = __m256i;
  using Floats = __m256;
  static Ints load(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }
  static Floats load(const float* p) { return _mm256_load_ps(p); }
  static Ints zero() { return _mm256_setzero_si256(); }
  static Floats broadcast(float value) { return _mm256_set1_ps(value); }

  template <bool is_signed>
  static Ints add_short_products(Ints sums, __m256i weights, Ints x) {
    const __m256i products = is_signed ? dot_signed(weights, x) : dot_unsigned(weights, x);
    __m256i out = _mm256_add_epi16(sums, products);
    asm("" : "+x"(out));  // add now: GCC would keep all products until the end, in memory
    return out;
  }
  static Ints add_widened(Ints sums, Ints short_sums) {
    return _mm256_add_epi32(sums, widen_sums(short_sums));
  }
  static Ints shift_left(Ints value, int by) { return _mm256_slli_epi32(value, by); }
  static Floats to_float(Ints value) { return _mm256_cvtepi32_ps(value); }
  static Floats multiply(Floats a, __m256 b) { return _mm256_mul_ps(a, b); }
  static Floats multiply_add(Floats a, __m256 b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats multiply_add_each(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats as_floats(Ints value) { return _mm256_castsi256_ps(value); }

  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t count, std::uint32_t* out, std::size_t out_pitch = kRows) {
    const __m256i lanes = first_lanes(count);
    __m256 v[8];
    for (std::size_t r = 0; r < 8; ++r) {
      v[r] = _mm256_setzero_ps();
      if (r < rows) {
        v[r] = _mm256_maskload_ps(reinterpret_cast<const float*>(x + r * x_pitch), lanes);
      }
    }
    transpose(v);
    for (std::size_t s = 0; s < 8; ++s) {
      if (s < count) _mm256_store_ps(reinterpret_cast<float*>(out + out_pitch * s), v[s]);
    }
  }

  template <int rows>
  static void store_tile(const Floats (&total)[rows], const TileOut& out) {
    static_assert(rows <= 8);
    __m256 v[8];
    for (int i = 0; i < 8; ++i) v[i] = i < rows ? total[i] : _mm256_setzero_ps();
    transpose(v);
    const __m256i lanes = first_lanes(out.rows);
    for (std::size_t i = 0; i < out.activations; ++i) {
      float* y = out.y + i * out.pitch;
      const __m256 value = out.add ? _mm256_add_ps(_mm256_maskload_ps(y, lanes), v[i]) : v[i];
      _mm256_maskstore_ps(y, lanes, value);
    }
  }
};

// 16 rows in two registers.
struct Lanes16 {
  static constexpr std::size_t kRows = 16;
  static constexpr std::size_t kSteps = 8;
  struct Ints {
    __m256i a, b;
  };
  struct Floats {
    __m256 a, b;
  };
  static Ints load(const void* p) {
    const auto* from = static_cast<const __m256i*>(p);
    return {_mm256_load_si256(from), _mm256_load_si256(from + 1)};
  }
  static Floats load(const float* p) { return {_mm256_load_ps(p), _mm256_load_ps(p + 8)}; }
  static Ints zero() { return {Lanes8::zero(), Lanes8::zero()}; }
  static Floats broadcast(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }

  template <bool is_signed>
  static Ints add_short_products(const Ints& sums, __m256i weights, const Ints& x) {
    return {Lanes8::add_short_products<is_signed>(sums.a, weights, x.a),
            Lanes8::add_short_products<is_signed>(sums.b, weights, x.b)};
  }
  static Ints add_widened(const Ints& sums, const Ints& short_sums) {
    return {Lanes8::add_widened(sums.a, short_sums.a), Lanes8::add_widened(sums.b, short_sums.b)};
  }
  static Ints shift_left(const Ints& value, int by) {
    return {Lanes8::shift_left(value.a, by), Lanes8::shift_left(value.b, by)};
  }
  static Floats to_float(const Ints& value) {
    return {Lanes8::to_float(value.a), Lanes8::to_float(value.b)};
  }
  static Floats multiply(const Floats& a, __m256 b) {
    return {_mm256_mul_ps(a.a, b), _mm256_mul_ps(a.b, b)};
  }
  static Floats multiply_add(const Floats& a, __m256 b, const Floats& c) {
    return {_mm256_fmadd_ps(a.a, b, c.a), _mm256_fmadd_ps(a.b, b, c.b)};
  }
  static Floats multiply_add_each(const Floats& a, const Floats& b, const Floats& c) {
    return {_mm256_fmadd_ps(a.a, b.a, c.a), _mm256_fmadd_ps(a.b, b.b, c.b)};
  }
  static Floats as_floats(const Ints& value) {
    return {Lanes8::as_floats(value.a), Lanes8::as_floats(value.b)};
  }

  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t count, std::uint32_t* out) {
    Lanes8::interleave(x, x_pitch, rows, count, out, kRows);
    Lanes8::interleave(x + 8 * x_pitch, x_pitch, rows > 8 ? rows - 8 : 0, count, out + 8, kRows);
  }

  template <int rows>
  static void store_tile(const Floats (&total)[rows], const TileOut& out) {
    __m256 half[rows];
    for (int r = 0; r < rows; ++r) half[r] = total[r].a;
    TileOut part = out;
    part.activations = smaller(out.activations, 8);
    Lanes8::store_tile(half, part);
    if (out.activations <= 8) return;
    for (int r = 0; r < rows; ++r) half[r] = total[r].b;
    part.activations = out.activations - 8;
    part.y = out.y + 8 * out.pitch;
    Lanes8::store_tile(half, part);
  }
};

}  // namespace
}  // namespace ceiling::cpu
