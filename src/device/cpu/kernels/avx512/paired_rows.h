// Rows of Q4_K and Q5_K for one and two rows of activations (PairedGroup), two blocks a step: their
// scales are decoded together. For more rows of activations LanedBlock costs less.
//
// The bytes stay in the pieces of 64 bits that interleaving a block's halves leaves. Low and high
// nibbles are multiplied apart, the high ones where they stand in their bytes; two shuffles then
// bring each group's sums together, and a shift takes back what the high ones were too large.
#pragma once

#include "device/cpu/kernels/avx512/super_blocks.h"
#include "device/cpu/kernels/avx512/super_rows.h"
#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

// The 6-bit scales and minimums of two blocks, from their first 16 bytes, 128 bits each: the
// minimums of groups 0 to 7, then the scales of groups 0 4 1 5 2 6 3 7. Layout: quant/blocks.h,
// unpack_scales.
inline __m256i unpack_six_bits_of_two(Address first, Address second) {
  const __m256i headers =
      _mm256_inserti128_si256(_mm256_castsi128_si256(load128(first)), load128(second), 1);
  const __m256i low_bytes = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(8, 9, 10, 11, 12, 13, 14, 15, 4, 12, 5, 13, 6, 14, 7, 15));
  const __m256i high_bytes = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(-1, -1, -1, -1, 8, 9, 10, 11, -1, 4, -1, 5, -1, 6, -1, 7));
  const __m256i low_bits =
      _mm256_broadcastsi128_si256(_mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x0f3f0f3f, 0x0f3f0f3f));
  const __m256i shifts = _mm256_broadcastsi128_si256(_mm_setr_epi32(0, 4, 0, 0));
  const __m256i low = _mm256_and_si256(
      _mm256_srlv_epi32(_mm256_shuffle_epi8(headers, low_bytes), shifts), low_bits);
  const __m256i high = _mm256_srli_epi16(_mm256_shuffle_epi8(headers, high_bytes), 2);
  // low | (high & 0x30)
  return _mm256_ternarylogic_epi32(low, high, _mm256_set1_epi8(0x30), 0xf8);
}

struct PairedScales {
  __m512 scale;    // of groups 0 4 1 5  0 4 1 5  2 6 3 7  2 6 3 7
  __m512 minimum;  // of groups 0 to 7; the rest means nothing

  PairedScales(__m128i bytes, __m512 d, __m512 dmin) {
    const __m512 values = floats_of(bytes);
    scale = _mm512_mul_ps(_mm512_shuffle_f32x4(values, values, 0xfa), d);
    minimum = _mm512_mul_ps(values, dmin);
  }
};

// Type: SuperQ4_K or SuperQ5_K.
template <typename Type>
struct PairedRow {
  struct Group {  // of the second, nothing is read where a row ends before it
    PairedGroup first, second;
  };
  using Simd = Simd512;
  template <int n>
  using Sums = LaneSums<Simd512, n>;
  static constexpr std::size_t kColumns = 2 * std::size_t{kSuperBlock};
  static constexpr std::size_t kBytes = 2 * Type::kBytes;
  static constexpr int kStreams = 8;
  static constexpr int kLongStreams = 8;

  template <int n>
  void step(Address w, const Group* const* x, Sums<n>& sums) const {
    const Address second = w + Type::kBytes;
    const __m256i bytes = unpack_six_bits_of_two(w, second);
    const Factors factors(_mm_insert_epi32(_mm_cvtsi32_si128(load32(w)), load32(second), 1));
    add<n>(
        w, {_mm256_castsi256_si128(bytes), factors.all(0), factors.all(1)},
        [&](int i) -> const PairedGroup& { return x[i]->first; }, sums);
    add<n>(
        second, {_mm256_extracti128_si256(bytes, 1), factors.all(2), factors.all(3)},
        [&](int i) -> const PairedGroup& { return x[i]->second; }, sums);
  }

  // One block is left.
  template <int n>
  void last(Address w, std::size_t, const Group* const* x, Sums<n>& sums) const {
    const Factors factors(_mm_cvtsi32_si128(load32(w)));
    const __m256i bytes = unpack_six_bits_of_two(w, w);
    add<n>(
        w, {_mm256_castsi256_si128(bytes), factors.all(0), factors.all(1)},
        [&](int i) -> const PairedGroup& { return x[i]->first; }, sums);
  }

 private:
  template <int n, typename Activations>
  static void add(Address w, const PairedScales& scales, Activations x, Sums<n>& sums) {
    PairedWeights weights;
    Type::load_bytes(w, weights);
    for (int i = 0; i < n; ++i) add_row(weights, scales, x(i), sums.total[i]);
  }

  static void add_row(const PairedWeights& weights, const PairedScales& scales,
                      const PairedGroup& x, __m512& total) {
    const auto dot = [&](const __m512i(&q)[2], std::size_t at) {
      const __m512i even =
          _mm512_dpbusd_epi32(_mm512_setzero_si512(), q[0], _mm512_load_si512(x.q + at));
      return _mm512_castsi512_ps(_mm512_dpbusd_epi32(even, q[1], _mm512_load_si512(x.q + at + 64)));
    };
    // In 128 bits: two sums each of groups g and g + 4, and of g + 1 and g + 5.
    const __m512 low = dot(weights.low, 0);
    const __m512 high = dot(weights.high, 128);
    const __m512i both = _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(low, high, 0x88)),
                                          _mm512_castps_si512(_mm512_shuffle_ps(low, high, 0xdd)));
    constexpr int shift = Type::kShift;
    const __m512i dots =
        _mm512_srav_epi32(both, _mm512_broadcast_i32x4(_mm_setr_epi32(0, 0, shift, shift)));
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(dots), _mm512_load_ps(x.scale));
    total = _mm512_mask3_fnmadd_ps(scales.minimum, _mm512_load_ps(x.scaled_sum), total, 0x00ff);
    total = _mm512_fmadd_ps(scales.scale, scaled, total);
  }
};

}  // namespace
}  // namespace ceiling::cpu
