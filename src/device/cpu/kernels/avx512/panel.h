// Prompts: panels of weights unpacked to bytes, and the register-tiled product over them.
//
// A strip is 16 rows of weights: for each 32 columns (a panel block) eight registers of 16 rows x 4
// columns, then the rows' scales and minimums as float32. A tile multiplies two strips by up to six
// rows of activations; sums stay in registers for all columns of the panel.
#pragma once

#include "device/cpu/kernels/avx512/simd.h"
#include "device/cpu/kernels/prepared.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kStripRows = 16;
constexpr std::size_t kPanelStrips = 8;
constexpr std::size_t kPanelColumns = 1024;
constexpr std::size_t kTileRows = 6;  // rows of activations

// groups: weights of a panel block that share a scale are 32 / groups.
template <int groups, bool minimum>
struct PanelKind {
  static constexpr int kGroups = groups;
  static constexpr bool kHasMinimum = minimum;
};

template <typename Kind>
struct PanelBlock {
  alignas(64) std::uint8_t q[8][64];
  float scale[Kind::kGroups][16];
  float minimum[Kind::kHasMinimum ? Kind::kGroups : 0][16];
};

// Largest panel: Q2_K's.
constexpr std::size_t kPanelBytes =
    kPanelStrips * (kPanelColumns / kScaled) * sizeof(PanelBlock<PanelKind<2, true>>);

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

// Where a tile's results go: two strips' rows from y on, `rows` of them; `add` to what is there.
struct TileOut {
  float* y;
  std::size_t pitch;
  std::size_t rows;
  bool add;

  __mmask16 lanes(int strip) const {
    const std::size_t before = kStripRows * static_cast<std::size_t>(strip);
    const std::size_t left = rows > before ? rows - before : 0;
    return static_cast<__mmask16>(left < kStripRows ? (1u << left) - 1 : 0xffffu);
  }
  __m512 load(int row, int strip) const {
    if (!add) return _mm512_setzero_ps();
    return _mm512_maskz_loadu_ps(lanes(strip), y + static_cast<std::size_t>(row) * pitch +
                                                   kStripRows * static_cast<std::size_t>(strip));
  }
  void store(int row, int strip, __m512 value) const {
    _mm512_mask_storeu_ps(
        y + static_cast<std::size_t>(row) * pitch + kStripRows * static_cast<std::size_t>(strip),
        lanes(strip), value);
  }
};

// The sums of a group of columns start from the offset of the types' unsigned bytes, times the
// negated sum of the activations: exact in integers.
inline __m512i start_sum(const std::int32_t& less, __m128i offset_shift) {
  return _mm512_sll_epi32(_mm512_set1_epi32(less), offset_shift);
}

// strips: two strips of `blocks` panel blocks, one after another. x: n rows of activations at
// x_pitch bytes, from the panel's first column on. offset_shift: log2 of the offset; kinds with a
// minimum have no offset.
template <typename Kind, int n>
void multiply_tile(const PanelBlock<Kind>* strips, std::size_t blocks, const std::byte* x,
                   std::size_t x_pitch, int offset_shift, const TileOut& out) {
  const __m128i shift = _mm_cvtsi32_si128(offset_shift);
  __m512 total[2][n];
  for (int s = 0; s < 2; ++s) {
    for (int i = 0; i < n; ++i) total[s][i] = out.load(i, s);
  }
  constexpr int steps = 8 / Kind::kGroups;
  for (std::size_t b = 0; b < blocks; ++b) {
    const PanelBlock<Kind>* w[2] = {strips + b, strips + blocks + b};
    const RowBlock* row[n];
    for (int i = 0; i < n; ++i) {
      row[i] = reinterpret_cast<const RowBlock*>(x + static_cast<std::size_t>(i) * x_pitch) + b;
    }
    __m512 part[2][n];
    for (int g = 0; g < Kind::kGroups; ++g) {
      __m512i sums[2][n];
      for (int i = 0; i < n; ++i) {
        const std::int32_t& less = Kind::kGroups == 1 ? row[i]->less
                                   : g == 0           ? row[i]->less_first
                                                      : row[i]->less_last;
        sums[0][i] = Kind::kHasMinimum ? _mm512_setzero_si512() : start_sum(less, shift);
        sums[1][i] = sums[0][i];
      }
      for (int k = g * steps; k < (g + 1) * steps; ++k) {
        const __m512i w0 = _mm512_load_si512(w[0]->q[k]);
        const __m512i w1 = _mm512_load_si512(w[1]->q[k]);
        for (int i = 0; i < n; ++i) {
          const __m512i columns =
              _mm512_set1_epi32(load32(reinterpret_cast<Address>(row[i]->q) + 4 * k));
          sums[0][i] = _mm512_dpbusd_epi32(sums[0][i], w0, columns);
          sums[1][i] = _mm512_dpbusd_epi32(sums[1][i], w1, columns);
        }
      }
      for (int s = 0; s < 2; ++s) {
        const __m512 scale = _mm512_load_ps(w[s]->scale[g]);
        for (int i = 0; i < n; ++i) {
          const __m512 sum = _mm512_cvtepi32_ps(sums[s][i]);
          part[s][i] = g == 0 ? _mm512_mul_ps(sum, scale) : _mm512_fmadd_ps(sum, scale, part[s][i]);
          if constexpr (Kind::kHasMinimum) {
            const std::int32_t less = Kind::kGroups == 1 ? row[i]->less
                                      : g == 0           ? row[i]->less_first
                                                         : row[i]->less_last;
            part[s][i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_set1_epi32(less)),
                                         _mm512_load_ps(w[s]->minimum[g]), part[s][i]);
          }
        }
      }
    }
    for (int i = 0; i < n; ++i) {
      const __m512 scale = _mm512_set1_ps(row[i]->scale);
      for (int s = 0; s < 2; ++s) total[s][i] = _mm512_fmadd_ps(part[s][i], scale, total[s][i]);
    }
  }
  for (int s = 0; s < 2; ++s) {
    for (int i = 0; i < n; ++i) out.store(i, s, total[s][i]);
  }
}

}  // namespace
}  // namespace ceiling::cpu
