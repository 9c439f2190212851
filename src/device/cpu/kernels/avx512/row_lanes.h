// 16 rows of weights side by side, a row a lane: what the bytes of a block ask for is then done for
// 16 rows at once.
#pragma once

#include "device/cpu/kernels/avx512/simd.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kRowLanes = 16;

// The same bytes of 16 rows that lie `pitch` bytes from each other.
struct SixteenRows {
  Address first;
  std::size_t pitch;

  // out[j] lane r: 32-bit word j of the 16 bytes at `offset` of row r.
  [[gnu::always_inline]] void words(std::size_t offset, __m512i* out) const {
    __m512i rows[4];  // row q, q + 4, q + 8 and q + 12 in 128 bits each
    for (std::size_t q = 0; q < 4; ++q) {
      const Address at = first + offset + q * pitch;
      rows[q] = load_four(at, at + 4 * pitch, at + 8 * pitch, at + 12 * pitch);
    }
    const __m512i a = _mm512_unpacklo_epi32(rows[0], rows[1]);
    const __m512i b = _mm512_unpacklo_epi32(rows[2], rows[3]);
    const __m512i c = _mm512_unpackhi_epi32(rows[0], rows[1]);
    const __m512i d = _mm512_unpackhi_epi32(rows[2], rows[3]);
    out[0] = _mm512_unpacklo_epi64(a, b);
    out[1] = _mm512_unpackhi_epi64(a, b);
    out[2] = _mm512_unpacklo_epi64(c, d);
    out[3] = _mm512_unpackhi_epi64(c, d);
  }
};

// Byte `index` of each lane as a float.
template <int index>
inline __m512 unsigned_byte(__m512i words) {
  const __m512i down = index == 0 ? words : _mm512_srli_epi32(words, 8 * index);
  return _mm512_cvtepi32_ps(index == 3 ? down : _mm512_and_si512(down, _mm512_set1_epi32(255)));
}
// The lower and the upper half of each lane, as float32.
inline __m512 lower_half(__m512i words) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(words)); }
inline __m512 upper_half(__m512i words) { return lower_half(_mm512_srli_epi32(words, 16)); }

}  // namespace
}  // namespace ceiling::cpu
