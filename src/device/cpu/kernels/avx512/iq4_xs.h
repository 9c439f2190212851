// Rows of IQ4_XS: blocks of 256 weights whose 8 groups of 32 are laid out as IQ4_NL's blocks. Two
// blocks make the 16 groups that are summed and scaled together.
#pragma once

#include "device/cpu/kernels/avx512/small_blocks.h"

namespace ceiling::cpu {
namespace {

struct RowIQ4_XS {
  using Simd = Simd512;
  using Group = SmallGroup;
  template <int n>
  using Sums = LaneSums<n>;
  static constexpr std::size_t kBlock = sizeof(BlockIQ4_XS);
  static constexpr std::size_t kColumns = Group::kColumns;
  static constexpr std::size_t kBytes = 2 * kBlock;
  static constexpr int kStreams = 4;
  static constexpr int kLongStreams = 4;

  template <int n>
  void step(Address w, const Group* const* x, Sums<n>& sums) const {
    group<n, 2>(w, x, sums);
  }
  template <int n>
  void last(Address w, std::size_t, const Group* const* x, Sums<n>& sums) const {
    group<n, 1>(w, x, sums);
  }

  // Half a block's weights: groups 4 * half .. 4 * half + 3.
  static Halves quad(Address block, std::size_t half) {
    const __m512i levels = iq4_levels();
    const Halves index = split_nibbles(load512(block + 8 + 64 * half));
    return {_mm512_shuffle_epi8(levels, index.first), _mm512_shuffle_epi8(levels, index.last)};
  }

  // Of group 4k + l at lane 4l + k, times d; an absent second block's are of no weight.
  template <std::size_t blocks>
  static __m512 group_scales(Address w) {
    const Address second = blocks == 2 ? w + kBlock : w;
    const __m128i bytes = _mm_set_epi64x(static_cast<std::int64_t>(scale_bytes(second)),
                                         static_cast<std::int64_t>(scale_bytes(w)));
    const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i scales = _mm512_sub_epi32(_mm512_cvtepu8_epi32(_mm_shuffle_epi8(bytes, order)),
                                            _mm512_set1_epi32(32));
    const std::uint32_t halves = load16(w) | static_cast<std::uint32_t>(load16(second)) << 16;
    // d of the first block, twice, then of the second, twice
    const __m128 d = _mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<std::int32_t>(halves)));
    const __m512 each = _mm512_broadcast_f32x4(_mm_unpacklo_ps(d, d));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(scales), each);
  }

 private:
  // Scales of a block's 8 groups, one a byte, with their offset of 32.
  static std::uint64_t scale_bytes(Address w) {
    const auto low = static_cast<std::uint32_t>(load32(w + 4));
    return _pdep_u64(low, 0x0f0f0f0f0f0f0f0full) | _pdep_u64(load16(w + 2), 0x3030303030303030ull);
  }

  template <int n, std::size_t blocks>
  static void group(Address w, const Group* const* x, Sums<n>& out) {
    __m512i quads[n][4];
    prefetch_stream<blocks * kBlock>(w);
    for (std::size_t k = 0; k < 4; ++k) {
      if (k >= 2 * blocks) {
        for (int i = 0; i < n; ++i) quads[i][k] = _mm512_setzero_si512();
        continue;
      }
      const Halves weights = quad(w + k / 2 * kBlock, k % 2);
      for (int i = 0; i < n; ++i) quads[i][k] = dot_quad(weights, *x[i], k);
    }
    const __m512 scales = group_scales<blocks>(w);
    for (int i = 0; i < n; ++i) {
      const __m512i sums = _mm512_load_si512(x[i]->sum);
      const __m512i dots = _mm512_sub_epi32(sum_lanes(quads[i]), _mm512_slli_epi32(sums, 7));
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(dots), _mm512_load_ps(x[i]->scale));
      out.total[i] = _mm512_fmadd_ps(scales, scaled, out.total[i]);
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
