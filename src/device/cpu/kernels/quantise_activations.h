// float32 activations to the layouts of prepared.h. Plain C++ that compilers vectorise; each
// instruction set includes it under its own flags. All do exactly the same arithmetic, so that all
// give the same integers.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>

#include "device/cpu/kernels/kernel_set.h"
#include "device/cpu/kernels/prepared.h"

namespace ceiling::cpu {
namespace {

// The largest magnitude of 32 columns.
inline float largest_of_block(const float* x) {
  std::int32_t largest_bits = 0;  // magnitudes order as their bits do
  for (std::size_t i = 0; i < kScaled; ++i) {
    const std::int32_t bits = std::bit_cast<std::int32_t>(x[i]) & 0x7fffffff;
    largest_bits = bits > largest_bits ? bits : largest_bits;
  }
  return std::bit_cast<float>(largest_bits);
}

// q[i] is the integer nearest to x[i] * inverse, of 32 columns.
inline void round_times(const float* x, float inverse, std::int8_t* q) {
  for (std::size_t i = 0; i < kScaled; ++i) {
    // Adding 1.5 * 2^23 leaves the nearest integer (ties to even) in the low bits.
    const float shifted = x[i] * inverse + 12582912.0F;
    q[i] = static_cast<std::int8_t>(std::bit_cast<std::int32_t>(shifted) - 0x4b400000);
  }
}

// What is left of 32 columns when they have been rounded.
inline void take_away(const float* x, float scale, const std::int8_t* q, float* left) {
  for (std::size_t i = 0; i < kScaled; ++i) left[i] = x[i] - scale * static_cast<float>(q[i]);
}

// Rounds 32 columns to the nearest of 255 levels: x[i] ~ scale * q[i]. Returns the scale.
inline float round_block(const float* x, std::int8_t* q) {
  const float largest = largest_of_block(x);
  // Below 4e-37 the inverse would overflow: such columns count as zero.
  round_times(x, largest > 4e-37F ? 127.0F / largest : 0.0F, q);
  return largest / 127.0F;
}

// A term of 32 columns.
inline float quantise_block(const float* x, Term term, std::int8_t* q) {
  const float scale = round_block(x, q);
  if (term == Term::first) return scale;
  float left[kScaled];
  take_away(x, scale, q, left);
  return round_block(left, q);
}

// A super-block with nested scales (prepared.h).
struct NestedBlock {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBlocks = kColumns / kScaled;
  static constexpr float kSteps = 127.0F;
  alignas(64) std::int8_t q[kColumns];
  std::int16_t step[kBlocks];
  float scale;

  NestedBlock(Term term, const float* x) {
    round(x);
    if (term == Term::first) return;
    float left[kColumns];
    for (std::size_t b = 0; b < kBlocks; ++b) {
      const std::size_t c = b * kScaled;
      take_away(x + c, scale * step[b], q + c, left + c);
    }
    round(left);
  }

 private:
  void round(const float* x) {
    float largest[kBlocks];
    float most = 0.0F;
    for (std::size_t b = 0; b < kBlocks; ++b) {
      largest[b] = largest_of_block(x + b * kScaled);
      most = largest[b] > most ? largest[b] : most;
    }
    // Below 4e-33 the scale would be subnormal: such columns count as zero.
    const float inverse = most > 4e-33F ? kSteps / most : 0.0F;
    scale = most / (kSteps * 127.0F);
    for (std::size_t b = 0; b < kBlocks; ++b) {
      const float steps = std::ceil(largest[b] * inverse);
      step[b] = static_cast<std::int16_t>(steps < kSteps ? steps : kSteps);
      const float divided = step[b] == 0 ? 0.0F : inverse * 127.0F / static_cast<float>(step[b]);
      round_times(x + b * kScaled, divided, q + b * kScaled);
    }
  }
};

inline int sum_of(const std::int8_t* q, std::size_t n) {
  int total = 0;
  for (std::size_t i = 0; i < n; ++i) total += q[i];
  return total;
}

inline void prepare_plain(Term term, const float* x, std::size_t cols, std::byte* prepared) {
  auto* q = reinterpret_cast<std::int8_t*>(prepared);
  auto* scale = reinterpret_cast<float*>(prepared + cols);
  auto* sum = reinterpret_cast<std::int16_t*>(scale + cols / kScaled);
  for (std::size_t c = 0; c < cols; c += kScaled) {
    scale[c / kScaled] = quantise_block(x + c, term, q + c);
    sum[c / 16] = static_cast<std::int16_t>(sum_of(q + c, 16));
    sum[c / 16 + 1] = static_cast<std::int16_t>(sum_of(q + c + 16, 16));
  }
}

// The blocks of one group in column order.
template <std::size_t columns>
struct QuantisedGroup {
  alignas(64) std::int8_t q[columns];
  float scale[columns / kScaled];

  // Quantises what the row has of the group; the rest is zero.
  QuantisedGroup(Term term, const float* x, std::size_t available) {
    const std::size_t n = available < columns ? available : columns;
    if (n < columns) {
      std::memset(q, 0, sizeof q);
      std::memset(scale, 0, sizeof scale);
    }
    for (std::size_t c = 0; c < n; c += kScaled) {
      scale[c / kScaled] = quantise_block(x + c, term, q + c);
    }
  }
  int sum(std::size_t block) const { return sum_of(q + block * kScaled, kScaled); }
};

inline void fill(SmallGroup& out, const QuantisedGroup<512>& in) {
  for (std::size_t block = 0; block < 16; ++block) {
    const std::size_t quad = block / 4;
    const std::size_t lane = block % 4;
    std::memcpy(out.q + 128 * quad + 16 * lane, in.q + 32 * block, 16);
    std::memcpy(out.q + 128 * quad + 64 + 16 * lane, in.q + 32 * block + 16, 16);
    out.scale[4 * lane + quad] = in.scale[block];
    out.sum[4 * lane + quad] = in.sum(block);
  }
}

// The pieces of a super-block's 256 columns, as PairedGroup has them.
inline void fill_pieces(const std::int8_t* in, std::int8_t* out) {
  // Piece p of the 8 in a part: from the blocks' 64-byte chunk `chunk`, quarter `quarter`.
  for (std::size_t p = 0; p < 8; ++p) {
    const std::size_t chunk = p / 4 + 2 * (p % 2);
    const std::size_t quarter = p / 2 % 2 * 2;
    for (std::size_t odd = 0; odd < 2; ++odd) {
      const std::int8_t* low = in + 64 * chunk + 8 * (quarter + odd);
      std::memcpy(out + 64 * odd + 8 * p, low, 8);
      std::memcpy(out + 128 + 64 * odd + 8 * p, low + 32, 8);
    }
  }
}

inline void fill(PairedGroup& out, const QuantisedGroup<256>& in) {
  fill_pieces(in.q, out.q);
  constexpr std::size_t order[8] = {0, 4, 1, 5, 2, 6, 3, 7};
  for (std::size_t i = 0; i < 16; ++i) out.scale[i] = in.scale[order[i / 8 * 4 + i % 4]];
  for (std::size_t b = 0; b < 8; ++b) {
    out.scaled_sum[b] = in.scale[b] * static_cast<float>(in.sum(b));
  }
}

// The halves of a super-block's 256 columns, as HalvedGroup has them.
inline void fill_halves(const std::int8_t* in, std::int8_t* out) {
  for (std::size_t s = 0; s < 4; ++s) {
    std::memcpy(out + 64 * s, in + 32 * s, 32);
    std::memcpy(out + 64 * s + 32, in + 32 * (s + 4), 32);
  }
}

inline void fill(HalvedGroup& out, const QuantisedGroup<256>& in) {
  fill_halves(in.q, out.q);
  for (std::size_t i = 0; i < 16; ++i) {
    out.scale[i] = in.scale[i / 8 * 4 + i % 4];
    out.sum[i] = static_cast<std::int16_t>(sum_of(in.q + 16 * i, 16));
  }
}

inline void fill(LanedGroup& out, const QuantisedGroup<256>& in) {
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t g = 0; g < 16; ++g) {
      std::memcpy(out.q + 64 * k + 4 * g, in.q + 16 * g + 4 * k, 4);
    }
  }
  for (std::size_t g = 0; g < 16; ++g) {
    out.scale[g] = in.scale[g / 2];
    out.scaled_sum[g] = in.scale[g / 2] * static_cast<float>(sum_of(in.q + 16 * g, 16));
  }
}

inline void prepare_row_blocks(Term term, const float* x, std::size_t cols, std::byte* prepared) {
  auto* block = reinterpret_cast<RowBlock*>(prepared);
  for (std::size_t c = 0; c < cols; c += kScaled, ++block) {
    block->scale = quantise_block(x + c, term, block->q);
    block->less_first = -sum_of(block->q, 16);
    block->less_last = -sum_of(block->q + 16, 16);
    block->less = block->less_first + block->less_last;
  }
}

// half 0 or 1 of a pair.
inline void fill(NestedPair& out, std::size_t half, const NestedBlock& in) {
  fill_pieces(in.q, out.q + half * NestedBlock::kColumns);
  for (std::size_t b = 0; b < NestedBlock::kBlocks; ++b) {
    out.step[half * NestedBlock::kBlocks + b] = in.step[b];
    out.sum[half * NestedBlock::kBlocks + b] =
        static_cast<std::int16_t>(sum_of(in.q + b * kScaled, kScaled));
  }
  out.scale[2 * half] = out.scale[2 * half + 1] = in.scale;
}

inline void prepare_nested_pairs(Term term, const float* x, std::size_t cols, std::byte* prepared) {
  constexpr std::size_t half = NestedBlock::kColumns;
  auto* pair = reinterpret_cast<NestedPair*>(prepared);
  for (std::size_t c = 0; c < cols; c += 2 * half, ++pair) {
    const bool both = c + half < cols;
    if (!both) *pair = {};
    fill(*pair, 0, NestedBlock(term, x + c));
    if (both) fill(*pair, 1, NestedBlock(term, x + c + half));
  }
}

inline void fill(NestedGroup& out, const NestedBlock& in) {
  std::memcpy(out.q, in.q, sizeof in.q);
  for (std::size_t g = 0; g < 16; ++g) {
    out.step[g] = in.step[g / 2];
    out.sum[g] = static_cast<std::int16_t>(sum_of(in.q + 16 * g, 16));
  }
  for (float& scale : out.scale) scale = in.scale;
}

inline void fill(NestedHalvedGroup& out, const NestedBlock& in) {
  fill(static_cast<NestedGroup&>(out), in);
  fill_halves(in.q, out.q);
}

template <typename Group>
void prepare_nested_groups(Term term, const float* x, std::size_t cols, std::byte* prepared) {
  auto* group = reinterpret_cast<Group*>(prepared);
  for (std::size_t c = 0; c < cols; c += Group::kColumns, ++group) {
    fill(*group, NestedBlock(term, x + c));
  }
}

template <typename Group>
void prepare_groups(Term term, const float* x, std::size_t cols, std::byte* prepared) {
  auto* group = reinterpret_cast<Group*>(prepared);
  for (std::size_t c = 0; c < cols; c += Group::kColumns, ++group) {
    fill(*group, QuantisedGroup<Group::kColumns>(term, x + c, cols - c));
  }
}

}  // namespace
}  // namespace ceiling::cpu
