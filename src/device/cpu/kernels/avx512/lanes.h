// Activations of prompts, interleaved: a strip holds 32 (or 16) rows side by side, so that a
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
template <int rows>
void store_transposed(const __m512 (&total)[rows], const TileOut& out) {
  __m512i v[16];
  for (int i = 0; i < 16; ++i) {
    v[i] = _mm512_setzero_si512();
    if (i < rows) v[i] = _mm512_castps_si512(total[i]);
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

// The same for up to 8 rows: an activation row is half a register.
template <int rows>
void store_few_transposed(const __m512 (&total)[rows], const TileOut& out) {
  __m512 v[8], t[8];
  for (int i = 0; i < 8; ++i) v[i] = i < rows ? total[i] : _mm512_setzero_ps();
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    v[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    v[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    v[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    v[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  // v[c] lane q (of 128 bits): rows 0 .. 3 of activation 4q + c; v[4 + c]: rows 4 .. 7.
  const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  const auto lanes = static_cast<__mmask8>((1u << out.rows) - 1);
  const auto store = [&](std::size_t i, __m256 value) {
    if (i >= out.activations) return;
    float* y = out.y + i * out.pitch;
    if (out.add) value = _mm256_add_ps(_mm256_maskz_loadu_ps(lanes, y), value);
    _mm256_mask_storeu_ps(y, lanes, value);
  };
  const auto store_two = [&](std::size_t i, __m512d pair) {
    const __m512 both = _mm512_castpd_ps(pair);
    store(i, _mm512_castps512_ps256(both));
    store(i + 4, _mm512_extractf32x8_ps(both, 1));
  };
  for (std::size_t c = 0; c < 4; ++c) {
    const __m512d a = _mm512_castps_pd(v[c]);
    const __m512d b = _mm512_castps_pd(v[4 + c]);
    store_two(c, _mm512_permutex2var_pd(a, low, b));
    store_two(c + 8, _mm512_permutex2var_pd(a, high, b));
  }
}

// The operations of tile products on 16 rows.
struct Lanes16 {
  static constexpr std::size_t kRows = 16;
  static constexpr std::size_t kSteps = 16;
  using Ints = __m512i;
  using Floats = __m512;
  static Ints load(const void* p) { return _mm512_load_si512(p); }
  static Floats load(const float* p) { return _mm512_load_ps(p); }
  static Ints zero() { return _mm512_setzero_si512(); }
  static Floats broadcast(float value) { return _mm512_set1_ps(value); }
  static Floats all(__m512 value) { return value; }
  static Ints dot(Ints sum, Ints weights, Ints x) { return _mm512_dpbusd_epi32(sum, weights, x); }
  static Ints shift_left(Ints value, int by) {
    return _mm512_sll_epi32(value, _mm_cvtsi32_si128(by));
  }
  static Ints add(Ints value, std::int32_t other) {
    return _mm512_add_epi32(value, _mm512_set1_epi32(other));
  }
  static Floats to_float(Ints value) { return _mm512_cvtepi32_ps(value); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Floats as_floats(Ints value) { return _mm512_castsi512_ps(value); }
  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t count, std::uint32_t* out, std::size_t out_pitch = kRows) {
    const auto lanes = static_cast<__mmask16>((1u << count) - 1);
    __m512i v[16];
    for (std::size_t r = 0; r < 16; ++r) {
      v[r] = _mm512_setzero_si512();
      if (r < rows) v[r] = _mm512_maskz_loadu_epi32(lanes, x + r * x_pitch);
    }
    transpose(v);
    for (std::size_t s = 0; s < 16; ++s) {
      if (s < count) _mm512_store_si512(out + out_pitch * s, v[s]);
    }
  }
  template <int rows>
  static void store_tile(const Floats (&total)[rows], const TileOut& out) {
    if constexpr (rows <= 8) {
      store_few_transposed(total, out);
    } else {
      store_transposed(total, out);
    }
  }
};

// On 32 rows: two registers of activations for each weight that is read. A processor that
// multiplies as fast as it loads would else wait for weights.
struct Lanes32 {
  static constexpr std::size_t kRows = 32;
  static constexpr std::size_t kSteps = 16;
  struct Ints {
    __m512i a, b;
  };
  struct Floats {
    __m512 a, b;
  };
  static Ints load(const void* p) {
    return {_mm512_load_si512(p), _mm512_load_si512(static_cast<const __m512i*>(p) + 1)};
  }
  static Floats load(const float* p) { return {_mm512_load_ps(p), _mm512_load_ps(p + 16)}; }
  static Ints zero() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static Floats broadcast(float value) { return all(_mm512_set1_ps(value)); }
  static Floats all(__m512 value) { return {value, value}; }
  static Ints dot(const Ints& sum, __m512i weights, const Ints& x) {
    return {_mm512_dpbusd_epi32(sum.a, weights, x.a), _mm512_dpbusd_epi32(sum.b, weights, x.b)};
  }
  static Ints shift_left(const Ints& value, int by) {
    return {Lanes16::shift_left(value.a, by), Lanes16::shift_left(value.b, by)};
  }
  static Ints add(const Ints& value, std::int32_t other) {
    return {Lanes16::add(value.a, other), Lanes16::add(value.b, other)};
  }
  static Floats to_float(const Ints& value) {
    return {_mm512_cvtepi32_ps(value.a), _mm512_cvtepi32_ps(value.b)};
  }
  static Floats multiply_add(__m512 weight, const Floats& x, const Floats& sum) {
    return {_mm512_fmadd_ps(weight, x.a, sum.a), _mm512_fmadd_ps(weight, x.b, sum.b)};
  }
  static Floats multiply_add(const Floats& x, const Floats& y, const Floats& sum) {
    return {_mm512_fmadd_ps(x.a, y.a, sum.a), _mm512_fmadd_ps(x.b, y.b, sum.b)};
  }
  static Floats as_floats(const Ints& value) {
    return {_mm512_castsi512_ps(value.a), _mm512_castsi512_ps(value.b)};
  }
  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t count, std::uint32_t* out) {
    const std::size_t first = smaller(rows, 16);
    Lanes16::interleave(x, x_pitch, first, count, out, kRows);
    Lanes16::interleave(x + 16 * x_pitch, x_pitch, rows - first, count, out + 16, kRows);
  }
  template <int rows>
  static void store_tile(const Floats (&total)[rows], TileOut out) {
    const std::size_t all_of_it = out.activations;
    __m512 half[rows];
    for (int r = 0; r < rows; ++r) half[r] = total[r].a;
    out.activations = smaller(all_of_it, 16);
    Lanes16::store_tile(half, out);
    if (all_of_it <= 16) return;
    for (int r = 0; r < rows; ++r) half[r] = total[r].b;
    out.activations = all_of_it - 16;
    out.y += 16 * out.pitch;
    Lanes16::store_tile(half, out);
  }
};

}  // namespace
}  // namespace ceiling::cpu
