// Rows of the types with blocks of 32 weights, and of IQ4_XS, whose groups are laid out as theirs.
//
// Two blocks fill two registers: their first 16 and their last 16 weights, a 128-bit lane each.
// The sums of 16 blocks are brought by a tree into two registers and scaled together.
#pragma once

#include "device/cpu/kernels/avx2/simd.h"
#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/row_shapes.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

struct Halves {
  __m256i first, last;  // bytes: weights 0..15 and 16..31 of two blocks
};

inline Halves split_nibbles(__m256i bytes) {
  const __m256i mask = _mm256_set1_epi8(15);
  return {_mm256_and_si256(bytes, mask), _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask)};
}

// A type gives: kBytes of a block; the largest magnitude of its bytes, and kOffset that they carry;
// whether they are signed; whether there is a minimum; and the weights of two blocks.
template <typename Block>
struct SmallType {
  static constexpr std::size_t kBytes = sizeof(Block);
  static constexpr int kLargest = 15;
  static constexpr int kOffset = 0;
  static constexpr bool kSigned = false;
  static constexpr bool kHasMinimum = false;
};

struct SmallQ4_0 : SmallType<BlockQ4_0> {
  static constexpr int kOffset = 8;
  static Halves weights(Address a, Address b) { return split_nibbles(load_two(a + 2, b + 2)); }
};

struct SmallQ4_1 : SmallType<BlockQ4_1> {
  static constexpr bool kHasMinimum = true;
  static Halves weights(Address a, Address b) { return split_nibbles(load_two(a + 4, b + 4)); }
};

inline __m256i iq4_levels() {
  return broadcast128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(&kIq4Values)));
}
inline Halves iq4_weights(__m256i nibbles) {
  const Halves index = split_nibbles(nibbles);
  return {_mm256_shuffle_epi8(iq4_levels(), index.first),
          _mm256_shuffle_epi8(iq4_levels(), index.last)};
}

struct SmallIQ4_NL : SmallType<BlockIQ4_NL> {
  static constexpr int kLargest = 128;
  static constexpr bool kSigned = true;
  static Halves weights(Address a, Address b) { return iq4_weights(load_two(a + 2, b + 2)); }
};

// Adds 16 where bit i of a block's 32 is set: bits in each 32-bit lane of the block's 128.
inline Halves add_fifth_bits(const Halves& low, Address a, Address b) {
  const __m256i bits = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi32(load32(a))),
                                               _mm_set1_epi32(load32(b)), 1);
  const __m256i first = broadcast128(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const __m256i last = broadcast128(_mm_setr_epi8(2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  const __m256i one_bit = _mm256_set1_epi64x(static_cast<std::int64_t>(0x8040201008040201ull));
  const __m256i sixteen = _mm256_set1_epi8(16);
  const auto high = [&](__m256i places) {
    const __m256i chosen = _mm256_and_si256(_mm256_shuffle_epi8(bits, places), one_bit);
    return _mm256_and_si256(_mm256_cmpeq_epi8(chosen, one_bit), sixteen);
  };
  return {_mm256_or_si256(low.first, high(first)), _mm256_or_si256(low.last, high(last))};
}

struct SmallQ5_0 : SmallType<BlockQ5_0> {
  static constexpr int kLargest = 31;
  static constexpr int kOffset = 16;
  static Halves weights(Address a, Address b) {
    return add_fifth_bits(split_nibbles(load_two(a + 6, b + 6)), a + 2, b + 2);
  }
};

struct SmallQ5_1 : SmallType<BlockQ5_1> {
  static constexpr int kLargest = 31;
  static constexpr bool kHasMinimum = true;
  static Halves weights(Address a, Address b) {
    return add_fifth_bits(split_nibbles(load_two(a + 8, b + 8)), a + 4, b + 4);
  }
};

struct SmallQ8_0 : SmallType<BlockQ8_0> {
  static constexpr int kLargest = 128;
  static constexpr bool kSigned = true;
  static Halves weights(Address a, Address b) {
    return {load_two(a + 2, b + 2), load_two(a + 18, b + 18)};
  }
};

// Products of two blocks with their activations; each block's sum is spread over its four lanes.
template <bool is_signed>
inline __m256i dot_two(const Halves& weights, const std::int8_t* x) {
  const __m256i first = _mm256_load_si256(reinterpret_cast<const __m256i*>(x));
  const __m256i last = _mm256_load_si256(reinterpret_cast<const __m256i*>(x + 64));
  if constexpr (is_signed) {
    return _mm256_add_epi32(widen_sums(dot_signed(weights.first, first)),
                            widen_sums(dot_signed(weights.last, last)));
  } else {
    return widen_sums(
        _mm256_add_epi16(dot_unsigned(weights.first, first), dot_unsigned(weights.last, last)));
  }
}

// Lane 4l + k: the sum of lane l (128 bits) of v[k].
inline __m256i sum_lanes(const __m256i* v) {
  return _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
}

// Halves of 16 blocks at `offset` into each, for the two registers of sums: block 4k + 2h + l at
// lane 4l + k of register h.
struct SmallFactors {
  __m256 value[2];

  template <typename BlockAt>
  SmallFactors(BlockAt&& block, std::size_t present, std::size_t offset) {
    const auto half = [&](std::size_t b) {
      return static_cast<short>(b < present ? load16(block(b) + offset) : 0);
    };
    for (std::size_t h = 0; h < 2; ++h) {
      const std::size_t b = 2 * h;
      value[h] =
          _mm256_cvtph_ps(_mm_setr_epi16(half(b), half(b + 4), half(b + 8), half(b + 12),
                                         half(b + 1), half(b + 5), half(b + 9), half(b + 13)));
    }
  }
};

// Adds 8 blocks' products, given the sums of their four pairs: those of register h.
template <typename Type>
inline __m256 add_scaled(__m256 total, const __m256i* pairs, __m256 scale, __m256 minimum,
                         const SmallGroup& x, std::size_t h) {
  const __m256i sums = _mm256_load_si256(reinterpret_cast<const __m256i*>(x.sum + 8 * h));
  __m256i dots = sum_lanes(pairs);
  if constexpr (Type::kOffset != 0) {
    constexpr int shift = Type::kOffset == 8 ? 3 : 4;
    static_assert(1 << shift == Type::kOffset);
    dots = _mm256_sub_epi32(dots, _mm256_slli_epi32(sums, shift));
  }
  __m256 part = _mm256_mul_ps(_mm256_cvtepi32_ps(dots), scale);
  if constexpr (Type::kHasMinimum) {
    part = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), minimum, part);
  }
  return _mm256_fmadd_ps(_mm256_load_ps(x.scale + 8 * h), part, total);
}

template <typename Type>
struct SmallRow : SmallRowShape<Simd256, 16 * Type::kBytes, 2, 4> {
  static constexpr std::size_t kBytes = 16 * Type::kBytes;

  template <int n>
  void step(Address w, const SmallGroup* const* x, LaneSums<Simd256, n>& sums) const {
    const auto block = [w](std::size_t b) { return w + b * Type::kBytes; };
    group<n>(block, 16, 4, x, sums);
  }

  // Absent blocks: the last one again, without scale.
  template <int n>
  void last(Address w, std::size_t columns, const SmallGroup* const* x,
            LaneSums<Simd256, n>& sums) const {
    const std::size_t blocks = columns / kScaled;
    const auto block = [w, blocks](std::size_t b) {
      return w + smaller(b, blocks - 1) * Type::kBytes;
    };
    group<n>(block, blocks, (blocks + 3) / 4, x, sums);
  }

 private:
  template <int n, typename BlockAt>
  static void group(BlockAt&& block, std::size_t blocks, std::size_t quads,
                    const SmallGroup* const* x, LaneSums<Simd256, n>& sums) {
    const SmallFactors scales(block, blocks, 0);
    const SmallFactors minimums(block, Type::kHasMinimum ? blocks : 0, 2);
    for (std::size_t h = 0; h < 2; ++h) {
      __m256i pairs[n][4];
      for (std::size_t k = 0; k < 4; ++k) {
        if (k >= quads) {
          for (int i = 0; i < n; ++i) pairs[i][k] = _mm256_setzero_si256();
          continue;
        }
        const std::size_t b = 4 * k + 2 * h;
        const Halves weights = Type::weights(block(b), block(b + 1));
        for (int i = 0; i < n; ++i) {
          pairs[i][k] = dot_two<Type::kSigned>(weights, x[i]->q + 128 * k + 32 * h);
        }
      }
      for (int i = 0; i < n; ++i) {
        sums.total[i] =
            add_scaled<Type>(sums.total[i], pairs[i], scales.value[h], minimums.value[h], *x[i], h);
      }
    }
  }
};

struct RowIQ4_XS : SmallRowShape<Simd256, 2 * sizeof(BlockIQ4_XS), 4, 4> {
  static constexpr std::size_t kBlock = sizeof(BlockIQ4_XS);

  template <int n>
  void step(Address w, const SmallGroup* const* x, LaneSums<Simd256, n>& sums) const {
    group<n, 2>(w, x, sums);
  }
  template <int n>
  void last(Address w, std::size_t, const SmallGroup* const* x, LaneSums<Simd256, n>& sums) const {
    group<n, 1>(w, x, sums);
  }

  // Groups g and g + 1 of a block.
  static Halves pair(Address block, std::size_t g) {
    return iq4_weights(load256(block + 8 + 16 * g));
  }
  static float scale(Address block, float d, std::size_t g) {
    const int low = block[4 + g / 2] >> (g % 2 * 4) & 15;
    const int high = load16(block + 2) >> (2 * g) & 3;
    return d * static_cast<float>((low | high << 4) - 32);
  }

 private:
  template <int n, std::size_t blocks>
  static void group(Address w, const SmallGroup* const* x, LaneSums<Simd256, n>& sums) {
    const __m128 d =
        _mm_cvtph_ps(_mm_set_epi32(0, 0, load16(blocks == 2 ? w + kBlock : w), load16(w)));
    const float factor[2] = {_mm_cvtss_f32(d), _mm_cvtss_f32(_mm_shuffle_ps(d, d, 2))};
    for (std::size_t h = 0; h < 2; ++h) {
      __m256i pairs[n][4];
      alignas(32) float scales[8];
      for (std::size_t k = 0; k < 4; ++k) {
        const Address block = w + k / 2 * kBlock;
        const std::size_t g = 4 * (k % 2) + 2 * h;
        for (std::size_t l = 0; l < 2; ++l) {
          scales[4 * l + k] = k < 2 * blocks ? scale(block, factor[k / 2], g + l) : 0.0F;
        }
        if (k >= 2 * blocks) {
          for (int i = 0; i < n; ++i) pairs[i][k] = _mm256_setzero_si256();
          continue;
        }
        const Halves weights = pair(block, g);
        for (int i = 0; i < n; ++i) {
          pairs[i][k] = dot_two<true>(weights, x[i]->q + 128 * k + 32 * h);
        }
      }
      for (int i = 0; i < n; ++i) {
        sums.total[i] = add_scaled<SmallIQ4_NL>(sums.total[i], pairs[i], _mm256_load_ps(scales),
                                                _mm256_setzero_ps(), *x[i], h);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
