// Unpackers of weights for panels (kernels/panel.h), in the order in which each type's decoder
// leaves them.
#pragma once

#include "device/cpu/kernels/avx512/iq4_xs.h"
#include "device/cpu/kernels/avx512/small_blocks.h"
#include "device/cpu/kernels/avx512/super_blocks.h"
#include "device/cpu/kernels/panel.h"

namespace ceiling::cpu {
namespace {

// Q4_0 .. Q8_0, IQ4_NL: quads of blocks.
template <typename Type>
struct SmallUnpacker {
  static constexpr std::size_t kColumns = 512;
  static constexpr std::size_t kBytes = 16 * Type::kBytes;
  static constexpr int kGroups = 1;
  static constexpr bool kHasMinimum = Type::kHasMinimum;
  static constexpr int kOffset = Type::kOffset;
  static constexpr std::size_t kFactors = kHasMinimum ? 32 : 16;
  static constexpr std::size_t block_bytes(std::size_t b) { return b / 4 * 128 + b % 4 * 16; }
  static constexpr std::size_t step_bytes(std::size_t k) { return k / 4 * 64 + k % 4 * 4; }
  static constexpr std::size_t scale_index(std::size_t b) { return b % 4 * 4 + b / 4; }
  static constexpr std::size_t minimum_index(std::size_t b) { return 16 + scale_index(b); }

  // w: `blocks` blocks (16, fewer at the end of a row).
  void unpack(Address w, std::size_t blocks, std::uint8_t* q, float* factor) const {
    __m512i headers[4];
    for (auto& header : headers) header = _mm512_setzero_si512();
    for (std::size_t k = 0; 4 * k < blocks; ++k) {
      const Halves weights =
          decode_quad(type, w + 4 * k * Type::kBytes, smaller(blocks - 4 * k, 4), headers[k]);
      _mm512_store_si512(q + 128 * k, weights.first);
      _mm512_store_si512(q + 128 * k + 64, weights.last);
    }
    const SmallScales scales(headers);
    _mm512_store_ps(factor, scales.scale);
    if constexpr (kHasMinimum) {
      _mm512_store_ps(factor + 16, _mm512_sub_ps(_mm512_setzero_ps(), scales.minimum));
    }
  }
  Type type;
};

struct UnpackerIQ4_XS {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = sizeof(BlockIQ4_XS);
  static constexpr int kGroups = 1;
  static constexpr bool kHasMinimum = false;
  static constexpr int kOffset = 128;
  static constexpr std::size_t kFactors = 16;
  static constexpr std::size_t block_bytes(std::size_t b) { return b / 4 * 128 + b % 4 * 16; }
  static constexpr std::size_t step_bytes(std::size_t k) { return k / 4 * 64 + k % 4 * 4; }
  static constexpr std::size_t scale_index(std::size_t b) { return b % 4 * 4 + b / 4; }
  static constexpr std::size_t minimum_index(std::size_t) { return 0; }

  void unpack(Address w, std::size_t, std::uint8_t* q, float* factor) const {
    for (std::size_t half = 0; half < 2; ++half) {
      const Halves weights = iq4_xs_quad(w, half);
      _mm512_store_si512(q + 128 * half, weights.first);
      _mm512_store_si512(q + 128 * half + 64, weights.last);
    }
    _mm512_store_ps(factor, iq4_xs_factors(w));
  }
};

// Q4_K and Q5_K. Bytes: pieces of 8 columns (PairedWeights).
template <typename Type>
struct PairedUnpacker {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kGroups = 1;
  static constexpr bool kHasMinimum = true;
  static constexpr int kOffset = 0;
  static constexpr std::size_t kFactors = 16;  // minimums, then scales
  static constexpr std::size_t block_bytes(std::size_t b) {
    const std::size_t chunk = b / 2;
    return b % 2 * 128 + chunk % 2 * 32 + chunk / 2 * 8;
  }
  static constexpr std::size_t step_bytes(std::size_t k) {
    const std::size_t quarter = k / 2;
    return quarter % 2 * 64 + quarter / 2 * 16 + k % 2 * 4;
  }
  static constexpr std::size_t scale_index(std::size_t b) { return 8 + b; }
  static constexpr std::size_t minimum_index(std::size_t b) { return b; }

  void unpack(Address w, std::size_t, std::uint8_t* q, float* factor) const {
    PairedWeights weights;
    Type::load_bytes(w, weights);
    for (std::size_t odd = 0; odd < 2; ++odd) {
      _mm512_store_si512(q + 64 * odd, weights.low[odd]);
      _mm512_store_si512(q + 128 + 64 * odd, weights.high[odd]);
    }
    const __m128i header = load128(w);
    const __m512 bytes = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(unpack_six_bits(header)));
    const __m512 halves = _mm512_castps128_ps512(_mm_cvtph_ps(header));
    const __m512 each = _mm512_permutexvar_ps(
        _mm512_setr_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0), halves);
    _mm512_store_ps(factor, _mm512_mul_ps(bytes, each));
  }
};

// Q2_K, Q3_K and Q6_K. Bytes: pairs of blocks (HalvedWeights).
template <typename Type>
struct HalvedUnpacker {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kGroups = 2;
  static constexpr bool kHasMinimum = Type::kHasMinimum;
  static constexpr int kOffset = Type::kOffset;
  static constexpr std::size_t kFactors = kHasMinimum ? 32 : 16;
  static constexpr std::size_t block_bytes(std::size_t b) { return b % 4 * 64 + b / 4 * 32; }
  static constexpr std::size_t step_bytes(std::size_t k) { return 4 * k; }
  static constexpr std::size_t scale_index(std::size_t b) { return 2 * b; }
  static constexpr std::size_t minimum_index(std::size_t b) { return 16 + 2 * b; }

  void unpack(Address w, std::size_t, std::uint8_t* q, float* factor) const {
    HalvedWeights weights;
    Type::load_bytes(w, weights);
    for (std::size_t s = 0; s < 4; ++s) _mm512_store_si512(q + 64 * s, weights.q[s]);
    const HalvedScales scales = Type::load_scales(w);
    store_floats(factor, scales.scale, scales.d);
    if constexpr (kHasMinimum) store_floats(factor + 16, scales.minimum, scales.dmin);
  }

 private:
  static void store_floats(float* out, __m128i bytes, __m512 times) {
    _mm512_store_ps(out, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)), times));
  }
};

}  // namespace
}  // namespace ceiling::cpu
