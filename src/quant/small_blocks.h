// The types with blocks of 32 weights: sixteen blocks at once, each with a scale (and an offset) of
// its own. Internal linkage, as lanes.h.
#pragma once

#include <cstddef>

#include "quant/codes.h"
#include "quant/groups.h"
#include "quant/half.h"

namespace ceiling::quantising {
namespace {

using SmallGroups = Groups<kSmallBlock, 1>;

// The half nearest to the best scale, or a neighbour of it, whichever errs least.
template <typename Levels>
Lanes scale_half(const SmallGroups& groups) {
  const Lanes scale = best_scale<Levels, kSmallBlock>(groups.x, groups.w);
  const Lanes nearest = round_to_half(scale * groups.unit);
  const auto error_of = [&](const Lanes& half) {
    return scale_error<Levels, kSmallBlock>(groups.x, groups.w, half / groups.unit);
  };
  Lanes best = nearest;
  Lanes best_error = error_of(nearest);
  for (const int step : {-1, 1}) {
    const Lanes half = neighbour_half(nearest, step);
    const Lanes error = error_of(half);
    const Mask better = error < best_error;
    best = select(better, half, best);
    best_error = select(better, error, best_error);
  }
  return best;
}

// The halves of the best line: the offset is rounded first, then the scale is refitted to it. A
// flat line is tried too, for weights smaller than the least halves.
template <int top>
Line line_halves(const SmallGroups& groups) {
  const Lanes zero = splat(0);
  Line best;
  Lanes best_error = splat(-1);
  const auto consider = [&](const Lanes& scale, const Lanes& m) {
    const Line halves{round_to_half(larger(scale, zero) * groups.unit), m};
    const Line rounded{halves.scale / groups.unit, m / groups.unit};
    const Lanes error = line_error<top, kSmallBlock>(groups.x, groups.w, rounded);
    const Mask better = (best_error < zero) | (error < best_error);
    best = select(better, halves, best);
    best_error = select(better, error, best_error);
  };
  const LineWeights weights = line_weights<kSmallBlock>(groups.x, groups.w);
  const Line line = best_line<top, kSmallBlock>(groups.x, groups.w, weights, false);
  const Lanes nearest = round_to_half(line.offset * groups.unit);
  for (const int step : {0, -1, 1}) {
    const Lanes m = neighbour_half(nearest, step);
    const Line shifted{line.scale, m / groups.unit};
    const LineSums sums = line_sums<top, kSmallBlock>(groups.x, groups.w, shifted, zero);
    consider(line.scale, m);
    const Lanes refitted = line.scale + sums.off_q / sums.qq;
    consider(select(sums.qq > zero, refitted, line.scale), m);
  }
  consider(zero, round_to_half(weights.mean * groups.unit));
  return best;
}

inline void store_codes(const std::uint8_t* codes, BlockQ4_0& out) { pack_nibbles(codes, out.qs); }
inline void store_codes(const std::uint8_t* codes, BlockQ4_1& out) { pack_nibbles(codes, out.qs); }
inline void store_codes(const std::uint8_t* codes, BlockIQ4_NL& out) {
  pack_nibbles(codes, out.qs);
}
inline void store_codes(const std::uint8_t* codes, BlockQ5_0& out) {
  pack_nibbles(codes, out.qs);
  pack_fifth_bits(codes, out.qh);
}
inline void store_codes(const std::uint8_t* codes, BlockQ5_1& out) {
  pack_nibbles(codes, out.qs);
  pack_fifth_bits(codes, out.qh);
}
inline void store_codes(const std::uint8_t* codes, BlockQ8_0& out) {
  for (int i = 0; i < kSmallBlock; ++i) out.qs[i] = static_cast<std::int8_t>(codes[i] - 127);
}

template <typename Levels, typename Block>
void encode_scaled(const float* in, const float* importance, int count, Block* out) {
  const Lanes d = scale_half<Levels>(SmallGroups(in, importance, count));
  std::uint8_t codes[kSmallBlock];
  for (int b = 0; b < count; ++b) {
    encode_codes<Levels>(in + std::ptrdiff_t{b} * kSmallBlock, kSmallBlock, d[b], 0, codes);
    out[b].d = float_to_half(d[b]);
    store_codes(codes, out[b]);
  }
}

template <int top, typename Block>
void encode_lines(const float* in, const float* importance, int count, Block* out) {
  const Line line = line_halves<top>(SmallGroups(in, importance, count));
  std::uint8_t codes[kSmallBlock];
  for (int b = 0; b < count; ++b) {
    encode_codes<Integers<0, top>>(in + std::ptrdiff_t{b} * kSmallBlock, kSmallBlock, line.scale[b],
                                   line.offset[b], codes);
    out[b].d = float_to_half(line.scale[b]);
    out[b].m = float_to_half(line.offset[b]);
    store_codes(codes, out[b]);
  }
}

// `count` (1 .. 16) blocks.
inline void encode(const float* in, const float* importance, int count, BlockQ4_0* out) {
  encode_scaled<Integers<-8, 7>>(in, importance, count, out);
}
inline void encode(const float* in, const float* importance, int count, BlockQ5_0* out) {
  encode_scaled<Integers<-16, 15>>(in, importance, count, out);
}
inline void encode(const float* in, const float* importance, int count, BlockQ8_0* out) {
  // -128 is left out: kernels may negate
  encode_scaled<Integers<-127, 127>>(in, importance, count, out);
}
inline void encode(const float* in, const float* importance, int count, BlockIQ4_NL* out) {
  encode_scaled<Iq4Levels>(in, importance, count, out);
}
inline void encode(const float* in, const float* importance, int count, BlockQ4_1* out) {
  encode_lines<15>(in, importance, count, out);
}
inline void encode(const float* in, const float* importance, int count, BlockQ5_1* out) {
  encode_lines<31>(in, importance, count, out);
}

}  // namespace
}  // namespace ceiling::quantising
