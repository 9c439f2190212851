// Unpackers of weights for panels (kernels/panel.h). kRun: how many steps of a block may be added
// in 16 bits before they must be widened; kSigned: the bytes are signed.
#pragma once

#include "device/cpu/kernels/avx2/small_blocks.h"
#include "device/cpu/kernels/avx2/super_blocks.h"
#include "device/cpu/kernels/panel.h"

namespace ceiling::cpu {
namespace {

// A step adds two products to each 16-bit sum, of at most the type's largest byte and 127.
template <typename Type>
constexpr int steps_in_16_bits() {
  int steps = 8;
  while (steps > 1 && steps * 2 * Type::kLargest * 127 > INT16_MAX) steps /= 2;
  return steps;
}

inline void store_bytes(std::uint8_t* to, __m256i value) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(to), value);
}

// Quads of blocks: their first halves, then their last.
struct QuadPlaces {
  static constexpr int kGroups = 1;
  static constexpr std::size_t block_bytes(std::size_t b) { return b / 4 * 128 + b % 4 * 16; }
  static constexpr std::size_t step_bytes(std::size_t k) { return k / 4 * 64 + k % 4 * 4; }
  static void store(std::uint8_t* q, const Halves& weights) {
    store_bytes(q, weights.first);
    store_bytes(q + 64, weights.last);
  }
};

template <typename Type>
struct SmallUnpacker : QuadPlaces {
  static constexpr std::size_t kColumns = 512;
  static constexpr std::size_t kBytes = 16 * Type::kBytes;
  static constexpr bool kHasMinimum = Type::kHasMinimum;
  static constexpr bool kSigned = Type::kSigned;
  static constexpr int kOffset = Type::kOffset;
  static constexpr int kRun = steps_in_16_bits<Type>();
  static constexpr std::size_t kFactors = kHasMinimum ? 32 : 16;
  static constexpr std::size_t scale_index(std::size_t b) { return b % 4 * 4 + b / 4; }
  static constexpr std::size_t minimum_index(std::size_t b) { return 16 + scale_index(b); }

  static void unpack(Address w, std::size_t blocks, std::uint8_t* q, float* factor) {
    const auto block = [w, blocks](std::size_t b) {
      return w + smaller(b, blocks - 1) * Type::kBytes;
    };
    for (std::size_t b = 0; b < blocks; b += 2) {
      store(q + b / 4 * 128 + b % 4 * 16, Type::weights(block(b), block(b + 1)));
    }
    const SmallFactors scales(block, blocks, 0);
    for (std::size_t h = 0; h < 2; ++h) _mm256_storeu_ps(factor + 8 * h, scales.value[h]);
    if constexpr (kHasMinimum) {
      const SmallFactors minimums(block, blocks, 2);
      for (std::size_t h = 0; h < 2; ++h) {
        _mm256_storeu_ps(factor + 16 + 8 * h,
                         _mm256_sub_ps(_mm256_setzero_ps(), minimums.value[h]));
      }
    }
  }
};

struct UnpackerIQ4_XS : QuadPlaces {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = sizeof(BlockIQ4_XS);
  static constexpr bool kHasMinimum = false;
  static constexpr bool kSigned = true;
  static constexpr int kOffset = 0;
  static constexpr int kRun = 1;
  static constexpr std::size_t kFactors = 8;
  static constexpr std::size_t scale_index(std::size_t b) { return b; }
  static constexpr std::size_t minimum_index(std::size_t) { return 0; }

  static void unpack(Address w, std::size_t, std::uint8_t* q, float* factor) {
    const float d = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(load16(w))));
    for (std::size_t g = 0; g < 8; g += 2) {
      store(q + g / 4 * 128 + g % 4 * 16, RowIQ4_XS::pair(w, g));
    }
    for (std::size_t g = 0; g < 8; ++g) factor[g] = RowIQ4_XS::scale(w, d, g);
  }
};

// Q4_K and Q5_K. Bytes: pieces of 8 columns; see PairedGroup.
template <typename Type>
struct PairedUnpacker {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kGroups = 1;
  static constexpr bool kHasMinimum = true;
  static constexpr bool kSigned = false;
  static constexpr int kOffset = 0;
  static constexpr int kRun = steps_in_16_bits<Type>();
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

  static void unpack(Address w, std::size_t, std::uint8_t* q, float* factor) {
    PairedWeights weights;
    Type::load_bytes(w, weights);
    weights.template set_scales<Type>(w);
    for (std::size_t s = 0; s < 2; ++s) {
      for (std::size_t odd = 0; odd < 2; ++odd) {
        store_bytes(q + 64 * odd + 32 * s, weights.low[s][odd]);
        store_bytes(q + 128 + 64 * odd + 32 * s, weights.high[s][odd]);
      }
    }
    const __m128i scales = _mm_srli_si128(_mm256_castsi256_si128(weights.scale_bytes), 8);
    _mm256_storeu_ps(factor, weights.minimums);
    _mm256_storeu_ps(factor + 8,
                     _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(scales)), weights.d));
  }
};

// Q2_K, Q3_K and Q6_K, in column order.
template <typename Type>
struct HalvedUnpacker {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kGroups = 2;
  static constexpr bool kHasMinimum = Type::kHasMinimum;
  static constexpr bool kSigned = false;
  static constexpr int kOffset = Type::kOffset;
  static constexpr int kRun = steps_in_16_bits<Type>();
  static constexpr std::size_t kFactors = kHasMinimum ? 32 : 16;
  static constexpr std::size_t block_bytes(std::size_t b) { return 32 * b; }
  static constexpr std::size_t step_bytes(std::size_t k) { return 4 * k; }
  static constexpr std::size_t scale_index(std::size_t b) { return 2 * b; }
  static constexpr std::size_t minimum_index(std::size_t b) { return 16 + 2 * b; }

  static void unpack(Address w, std::size_t, std::uint8_t* q, float* factor) {
    HalvedWeights weights;
    Type::load_bytes(w, weights);
    for (std::size_t b = 0; b < 8; ++b) store_bytes(q + 32 * b, weights.q[b]);
    const HalvedScales scales = Type::load_scales(w);
    store_floats(factor, scales.scale, scales.d);
    if constexpr (kHasMinimum) store_floats(factor + 16, scales.minimum, scales.dmin);
  }

 private:
  static void store_floats(float* out, __m128i bytes, __m256 times) {
    const auto floats = [&](__m128i eight) {
      return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight)), times);
    };
    _mm256_storeu_ps(out, floats(bytes));
    _mm256_storeu_ps(out + 8, floats(_mm_srli_si128(bytes, 8)));
  }
};

}  // namespace
}  // namespace ceiling::cpu
