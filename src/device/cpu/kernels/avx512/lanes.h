// Activations of prompts, interleaved: a strip holds 16 (or 8) rows side by side, so that a
// register holds four columns of each and results of different rows stay in different lanes.
#pragma once

#include "device/cpu/kernels/avx512/simd.h"
#include "device/cpu/kernels/tile_out.h"

namespace ceiling::cpu {
namespace {

// v[r] lane c becomes v[c] lane r.
inline void transpose(__m512i (&v)[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // v[4i + c] holds columns c, c + 4, c + 8, c + 12 (its lanes) of rows 4i .. 4i + 3.
  for (int c = 0; c < 4; ++c) {
    const __m512i a = _mm512_shuffle_i32x4(v[c], v[4 + c], 0x88);
    const __m512i b = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(v[c], v[4 + c], 0xdd);
    const __m512i e = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0xdd);
    t[c] = _mm512_shuffle_i32x4(a, b, 0x88);
    t[8 + c] = _mm512_shuffle_i32x4(a, b, 0xdd);
    t[4 + c] = _mm512_shuffle_i32x4(d, e, 0x88);
    t[12 + c] = _mm512_shuffle_i32x4(d, e, 0xdd);
  }
  for (int i = 0; i < 16; ++i) v[i] = t[i];
}

// Rows of weights in lanes, one activation row a register, to y.
template <typename Lanes, int rows>
void store_transposed(const typename Lanes::Floats (&total)[rows], const TileOut& out) {
  __m512i v[16];
  for (int i = 0; i < 16; ++i) {
    v[i] = _mm512_setzero_si512();
    if (i < rows) v[i] = Lanes::as_register(total[i]);
  }
  transpose(v);
  const auto lanes = static_cast<__mmask16>((1u << out.rows) - 1);
  for (std::size_t i = 0; i < out.activations; ++i) {
    float* y = out.y + i * out.pitch;
    __m512 value = _mm512_castsi512_ps(v[i]);
    if (out.add) value = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, y), value);
    _mm512_mask_storeu_ps(y, lanes, value);
  }
}

// Up to 16 steps of up to 16 rows, to be stored by `store`.
template <typename Store>
void interleave_sixteen(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                        std::size_t count, Store&& store) {
  const auto lanes = static_cast<__mmask16>((1u << count) - 1);
  __m512i v[16];
  for (std::size_t r = 0; r < 16; ++r) {
    v[r] = _mm512_setzero_si512();
    if (r < rows) v[r] = _mm512_maskz_loadu_epi32(lanes, x + r * x_pitch);
  }
  transpose(v);
  for (std::size_t s = 0; s < 16; ++s) {
    if (s < count) store(s, v[s]);
  }
}

// The operations of tile products on 16 rows and on 8.
struct Lanes16 {
  static constexpr std::size_t kRows = 16;
  static constexpr std::size_t kSteps = 16;
  using Ints = __m512i;
  using Floats = __m512;
  static Ints load(const void* p) { return _mm512_load_si512(p); }
  static Floats load(const float* p) { return _mm512_load_ps(p); }
  static Ints zero() { return _mm512_setzero_si512(); }
  static Ints broadcast(std::int32_t value) { return _mm512_set1_epi32(value); }
  static Floats broadcast(float value) { return _mm512_set1_ps(value); }
  static Ints dot(Ints sum, Ints weights, Ints x) { return _mm512_dpbusd_epi32(sum, weights, x); }
  static Ints shift_left(Ints value, int by) {
    return _mm512_sll_epi32(value, _mm_cvtsi32_si128(by));
  }
  static Floats to_float(Ints value) { return _mm512_cvtepi32_ps(value); }
  static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Floats as_floats(Ints value) { return _mm512_castsi512_ps(value); }
  static __m512i as_register(Floats value) { return _mm512_castps_si512(value); }
  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t count, std::uint32_t* out) {
    interleave_sixteen(x, x_pitch, rows, count, [out](std::size_t s, __m512i value) {
      _mm512_store_si512(out + 16 * s, value);
    });
  }
  template <int rows>
  static void store_tile(const Floats (&total)[rows], const TileOut& out) {
    store_transposed<Lanes16>(total, out);
  }
};

struct Lanes8 {
  static constexpr std::size_t kRows = 8;
  static constexpr std::size_t kSteps = 16;
  using Ints = __m256i;
  using Floats = __m256;
  static Ints load(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }
  static Floats load(const float* p) { return _mm256_load_ps(p); }
  static Ints zero() { return _mm256_setzero_si256(); }
  static Ints broadcast(std::int32_t value) { return _mm256_set1_epi32(value); }
  static Floats broadcast(float value) { return _mm256_set1_ps(value); }
  static Ints dot(Ints sum, Ints weights, Ints x) { return _mm256_dpbusd_epi32(sum, weights, x); }
  static Ints shift_left(Ints value, int by) {
    return _mm256_sll_epi32(value, _mm_cvtsi32_si128(by));
  }
  static Floats to_float(Ints value) { return _mm256_cvtepi32_ps(value); }
  static Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats as_floats(Ints value) { return _mm256_castsi256_ps(value); }
  static __m512i as_register(Floats value) {
    return _mm512_castps_si512(_mm512_zextps256_ps512(value));
  }
  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t count, std::uint32_t* out) {
    interleave_sixteen(x, x_pitch, rows, count, [out](std::size_t s, __m512i value) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(out + 8 * s), _mm512_castsi512_si256(value));
    });
  }
  template <int rows>
  static void store_tile(const Floats (&total)[rows], const TileOut& out) {
    store_transposed<Lanes8>(total, out);
  }
};

}  // namespace
}  // namespace ceiling::cpu
