// Blocks of IQ4_XS: 8 groups of 32 weights, each laid out as a block of IQ4_NL.
#pragma once

#include "device/cpu/kernels/avx512/small_blocks.h"

namespace ceiling::cpu {
namespace {

// Scales of a block's 8 groups, one a byte, with their offset of 32.
inline std::uint64_t iq4_xs_scales(Address w) {
  const auto low = static_cast<std::uint32_t>(load32(w + 4));
  return _pdep_u64(low, 0x0f0f0f0f0f0f0f0full) | _pdep_u64(load16(w + 2), 0x3030303030303030ull);
}

// Half a block's weights: groups 4 * half .. 4 * half + 3.
inline Halves iq4_xs_quad(Address block, std::size_t half) {
  const __m512i levels = iq4_levels();
  const Halves index = split_nibbles(load512(block + 8 + 64 * half));
  return {_mm512_shuffle_epi8(levels, index.first), _mm512_shuffle_epi8(levels, index.last)};
}

// Of group 4k + l at lane 4l + k, times d; zero where k > 1.
inline __m512 iq4_xs_factors(Address w) {
  const __m128i bytes = _mm_cvtsi64_si128(static_cast<std::int64_t>(iq4_xs_scales(w)));
  const __m128i order = _mm_setr_epi8(0, 4, -1, -1, 1, 5, -1, -1, 2, 6, -1, -1, 3, 7, -1, -1);
  const __m512i scales = _mm512_maskz_sub_epi32(
      0x3333, _mm512_cvtepu8_epi32(_mm_shuffle_epi8(bytes, order)), _mm512_set1_epi32(32));
  const __m128 d = _mm_cvtph_ps(_mm_cvtsi32_si128(load16(w)));
  return _mm512_mul_ps(_mm512_cvtepi32_ps(scales), _mm512_broadcastss_ps(d));
}

}  // namespace
}  // namespace ceiling::cpu
