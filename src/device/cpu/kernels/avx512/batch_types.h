// Weights of 16 rows for batches (batch_product.h), by type: a row a lane, from the rows' own bytes
// to registers.
//
// A type gives kBytes of a block and the kChunks in which its columns are taken; a Block, what all
// chunks of it need, made from the rows; and a Chunk<c>, made from rows and Block:
//   column(g)                 where group g of 32 columns begins in the block, g < kGroups
//   weights<g>(k)             lane r: columns 4 k .. 4 k + 3 of the group, unsigned bytes of row r
//   scale<g>(), minimum<g>()  of the rows
#pragma once

#include "device/cpu/kernels/avx512/row_lanes.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

// The 6-bit scales and minimums of Q4_K and Q5_K (layout: quant/blocks.h, unpack_scales), from a
// block's first 16 bytes.
struct SixBitScales {
  __m512i scale[2], minimum[2];  // a byte each: of groups 0..3 and 4..7
  __m512 d, dmin;

  [[gnu::always_inline]] explicit SixBitScales(const SixteenRows& rows) {
    __m512i header[4];
    rows.words(0, header);
    const __m512i six = _mm512_set1_epi32(0x3f3f3f3f);
    const __m512i four = _mm512_set1_epi32(0x0f0f0f0f);
    const __m512i two = _mm512_set1_epi32(0x30303030);
    const auto join = [&](__m512i low, __m512i high) {  // (low & four) | (high >> 2 & two)
      const __m512i top = _mm512_and_si512(_mm512_srli_epi32(high, 2), two);
      return _mm512_ternarylogic_epi32(top, low, four, 0xf8);
    };
    d = lower_half(header[0]);
    dmin = upper_half(header[0]);
    scale[0] = _mm512_and_si512(header[1], six);
    scale[1] = join(header[3], header[1]);
    minimum[0] = _mm512_and_si512(header[2], six);
    minimum[1] = join(_mm512_srli_epi32(header[3], 4), header[2]);
  }
};

// The nibbles stay as they lie; the high ones are multiplied where they stand in their bytes.
struct BatchQ4_K {
  static constexpr std::size_t kBytes = sizeof(BlockQ4_K);
  static constexpr std::size_t kChunks = 4;
  struct Block {
    SixBitScales scales;
    __m512 d_of_high;
    [[gnu::always_inline]] explicit Block(const SixteenRows& rows)
        : scales(rows), d_of_high(_mm512_mul_ps(scales.d, _mm512_set1_ps(1.0F / 16))) {}
  };

  template <std::size_t c>
  struct Chunk {
    static constexpr std::size_t kGroups = 2;
    static constexpr std::size_t column(std::size_t g) { return 64 * c + 32 * g; }
    [[gnu::always_inline]] Chunk(const SixteenRows& rows, const Block& of) : block(of) {
      rows.words(16 + 32 * c, nibbles);
      rows.words(32 + 32 * c, nibbles + 4);
    }
    template <std::size_t g>
    __m512i weights(std::size_t k) const {
      return _mm512_and_si512(nibbles[k], _mm512_set1_epi8(g == 0 ? 15 : -16));
    }
    template <std::size_t g>
    __m512 scale() const {
      return _mm512_mul_ps(unsigned_byte<(2 * c + g) % 4>(block.scales.scale[c / 2]),
                           g == 0 ? block.scales.d : block.d_of_high);
    }
    template <std::size_t g>
    __m512 minimum() const {
      return _mm512_mul_ps(unsigned_byte<(2 * c + g) % 4>(block.scales.minimum[c / 2]),
                           block.scales.dmin);
    }
    const Block& block;
    __m512i nibbles[8];
  };
};

}  // namespace
}  // namespace ceiling::cpu
