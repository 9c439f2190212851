// The types with blocks of 256 weights: groups whose scales (and minimums) are small integers times
// one half for the block. All of them are chosen together: integers near the best line of each
// group, then the halves by least squares over the block, in turns. One block or two at once, a
// group in each lane; what belongs to a block is the same in all of its lanes. Internal linkage, as
// lanes.h.
#pragma once

#include <array>
#include <cstddef>
#include <limits>

#include "quant/codes.h"
#include "quant/groups.h"
#include "quant/half.h"

namespace ceiling::quantising {
namespace {

constexpr int kRounds = 4;

// ---- w = d * scale[g] * level ----

struct ScaleChoice {
  Lanes d{};      // a half, in the weights' own unit
  Lanes scale{};  // integers
  Lanes error = splat(std::numeric_limits<float>::infinity());
};

inline ScaleChoice select(const Mask& mask, const ScaleChoice& a, const ScaleChoice& b) {
  return {select(mask, a.d, b.d), select(mask, a.scale, b.scale), select(mask, a.error, b.error)};
}

template <typename Levels, typename Blocks, int scale_low, int scale_high>
class ScaleSearch {
 public:
  explicit ScaleSearch(const Blocks& blocks)
      : blocks_(blocks), scales_(best_scale<Levels, Blocks::kSize>(blocks.x, blocks.w)) {
    largest_ = across<Blocks::kGroups>(scales_, [](const Lanes& a, const Lanes& b) {
      const Lanes tied = larger(a, b);
      const Lanes second = select(magnitude(b) > magnitude(a), b, tied);
      return select(magnitude(a) > magnitude(b), a, second);
    });
  }

  ScaleChoice best() const {
    ScaleChoice best;
    for (const float share : {1.0f, 0.96f, 0.92f}) {
      const ScaleChoice candidate = refine(largest_ / (share * static_cast<float>(scale_low)));
      best = select(candidate.error < best.error, candidate, best);
    }
    return best;
  }

 private:
  ScaleChoice refine(const Lanes& start) const {
    ScaleChoice best;
    ScaleChoice current;
    current.d = round_to_half_not_zero(start * blocks_.unit);
    current.scale =
        round_to_integer(clamp(scales_ * inverse_of(real(current.d)), scale_low, scale_high));
    Mask going = splat(0) == splat(0);
    for (int round = 0; round < kRounds; ++round) {
      const Projection sums = choose_scales(current);
      going &= current.error < best.error;
      if (!any(going)) break;
      best = select(going, current, best);
      const Lanes refitted = round_to_half_not_zero(sums.best_scale() * blocks_.unit);
      going &= refitted != current.d;
      current.d = refitted;
    }
    return best;
  }

  // Moves each scale to its best neighbour; returns the sums of levels times scales over the block.
  Projection choose_scales(ScaleChoice& choice) const {
    const Lanes d = real(choice.d);
    const Lanes centre = choice.scale;
    Lanes least = splat(std::numeric_limits<float>::infinity());
    for (const float step : {0.0f, -1.0f, 1.0f}) {
      const Lanes scale = centre + step;
      const Lanes error = scale_error<Levels, Blocks::kSize>(blocks_.x, blocks_.w, d * scale);
      const Mask better = (error < least) & (scale >= static_cast<float>(scale_low)) &
                          (scale <= static_cast<float>(scale_high));
      choice.scale = select(better, scale, choice.scale);
      least = select(better, error, least);
    }
    choice.error = sum_across<Blocks::kGroups>(least);
    const Projection part =
        project<Levels, Blocks::kSize>(blocks_.x, blocks_.w, inverse_of(d * choice.scale));
    return {sum_across<Blocks::kGroups>(choice.scale * part.xl),
            sum_across<Blocks::kGroups>(choice.scale * choice.scale * part.ll)};
  }

  Lanes real(const Lanes& half) const { return half / blocks_.unit; }

  const Blocks& blocks_;
  Lanes scales_;
  Lanes largest_;  // of the block, by magnitude
};

// ---- w = d * scale[g] * q - dmin * minimum[g] ----

struct LineChoice {
  Lanes d{}, dmin{};         // halves, in the weights' own unit
  Lanes scale{}, minimum{};  // integers
  Lanes error = splat(std::numeric_limits<float>::infinity());
};

inline LineChoice select(const Mask& mask, const LineChoice& a, const LineChoice& b) {
  return {select(mask, a.d, b.d), select(mask, a.dmin, b.dmin), select(mask, a.scale, b.scale),
          select(mask, a.minimum, b.minimum), select(mask, a.error, b.error)};
}

// Sums over a block for the least-squares d and dmin: x = d * u - dmin * m, u = scale * q,
// m = minimum.
template <int groups>
struct PairSums {
  Lanes uu, um, mm, xu, xm;
  PairSums(const LineSums& part, const Lanes& scale, const Lanes& minimum)
      : uu(sum_across<groups>(scale * scale * part.qq)),
        um(sum_across<groups>(scale * minimum * part.q)),
        mm(sum_across<groups>(minimum * minimum * part.w)),
        xu(sum_across<groups>(scale * part.xq)),
        xm(sum_across<groups>(minimum * part.x)) {}

  struct Pair {
    Lanes d, dmin;
  };
  Pair fit() const {
    const Lanes zero = splat(0);
    const Lanes determinant = uu * mm - um * um;
    const Mask both = determinant > 1e-6f * (uu * mm);
    const Lanes alone = select(uu > zero, xu / uu, zero);
    const Lanes minimum_alone = select((uu > zero) | (mm <= zero), zero, -xm / mm);
    return {select(both, (xu * mm - xm * um) / determinant, alone),
            select(both, (xu * um - xm * uu) / determinant, minimum_alone)};
  }
};

template <int top, typename Blocks, int scale_top>
class LineSearch {
 public:
  explicit LineSearch(const Blocks& blocks)
      : blocks_(blocks),
        without_(sums_without_line<Blocks::kSize>(blocks.x, blocks.w)),
        lines_(best_line<top, Blocks::kSize>(blocks.x, blocks.w, without_, true)) {
    largest_.scale = across<Blocks::kGroups>(lines_.scale, larger);
    largest_.offset = across<Blocks::kGroups>(lines_.offset, smaller);
  }

  LineChoice best() const {
    LineChoice best;
    for (const float share : {1.0f, 0.93f}) {
      const float steps = share * static_cast<float>(scale_top);
      const LineChoice candidate =
          refine(largest_.scale / steps, larger(splat(0), -largest_.offset) / steps);
      best = select(candidate.error < best.error, candidate, best);
    }
    return best;
  }

 private:
  LineChoice refine(const Lanes& d, const Lanes& dmin) const {
    LineChoice best;
    LineChoice current = round_to(d, dmin);
    Mask going = splat(0) == splat(0);
    for (int round = 0; round < kRounds; ++round) {
      const auto next = choose_integers(current).fit();
      going &= current.error < best.error;
      if (!any(going)) break;
      best = select(going, current, best);
      const Lanes next_d = to_half(next.d);
      const Lanes next_dmin = to_half(next.dmin);
      going &= (next_d != current.d) | (next_dmin != current.dmin);
      current.d = next_d;
      current.dmin = next_dmin;
    }
    return best;
  }

  LineChoice round_to(const Lanes& d, const Lanes& dmin) const {
    LineChoice choice;
    choice.d = to_half(d);
    choice.dmin = to_half(dmin);
    choice.scale = rounded(lines_.scale * inverse_of(real(choice.d)));
    choice.minimum = rounded(-lines_.offset * inverse_of(real(choice.dmin)));
    return choice;
  }

  // Moves each pair of integers to its best neighbour.
  PairSums<Blocks::kGroups> choose_integers(LineChoice& choice) const {
    const Lanes scale = choice.scale;
    const Lanes minimum = choice.minimum;
    Lanes least = splat(std::numeric_limits<float>::infinity());
    for (const float up : {0.0f, -1.0f, 1.0f}) {
      for (const float down : {0.0f, -1.0f, 1.0f}) {
        const Lanes s = scale + up;
        const Lanes m = minimum + down;
        const Lanes error =
            line_error<top, Blocks::kSize>(blocks_.x, blocks_.w, line(choice, s, m));
        const Mask better = (error < least) & within(s) & within(m);
        choice.scale = select(better, s, choice.scale);
        choice.minimum = select(better, m, choice.minimum);
        least = select(better, error, least);
      }
    }
    choice.error = sum_across<Blocks::kGroups>(least);
    const LineSums sums = line_sums<top, Blocks::kSize>(blocks_.x, blocks_.w, without_,
                                                        line(choice, choice.scale, choice.minimum));
    return {sums, choice.scale, choice.minimum};
  }

  Line line(const LineChoice& choice, const Lanes& scale, const Lanes& minimum) const {
    return {real(choice.d) * scale, -real(choice.dmin) * minimum};
  }
  Lanes real(const Lanes& half) const { return half / blocks_.unit; }
  Lanes to_half(const Lanes& value) const {
    return round_to_half_not_zero(larger(value, splat(0)) * blocks_.unit);
  }
  static Mask within(const Lanes& integer) {
    return (integer >= 0.0f) & (integer <= static_cast<float>(scale_top));
  }
  static Lanes rounded(const Lanes& value) { return round_to_integer(clamp(value, 0, scale_top)); }

  const Blocks& blocks_;
  LineSums without_;
  Line lines_;
  Line largest_;  // of the block
};

// ---- One block of what was chosen ----

// The first lane of a block.
template <typename Blocks>
constexpr int first_lane(int block) {
  return block * Blocks::kGroups;
}

template <typename Integer, typename Blocks>
std::array<Integer, Blocks::kGroups> integers_of(const Lanes& values, int block) {
  std::array<Integer, Blocks::kGroups> out;
  for (int g = 0; g < Blocks::kGroups; ++g) {
    out[static_cast<std::size_t>(g)] = static_cast<Integer>(values[first_lane<Blocks>(block) + g]);
  }
  return out;
}

using Codes = std::array<std::uint8_t, kSuperBlock>;

template <typename Levels, typename Blocks>
Codes codes_of(const float* in, const ScaleChoice& choice, int block) {
  Codes codes;
  for (int g = 0; g < Blocks::kGroups; ++g) {
    const int lane = first_lane<Blocks>(block) + g;
    const int first = g * Blocks::kSize;
    encode_codes<Levels>(in + std::ptrdiff_t{block} * kSuperBlock + first, Blocks::kSize,
                         choice.d[lane] * choice.scale[lane], 0, codes.data() + first);
  }
  return codes;
}

template <int top, typename Blocks>
Codes codes_of(const float* in, const LineChoice& choice, int block) {
  Codes codes;
  for (int g = 0; g < Blocks::kGroups; ++g) {
    const int lane = first_lane<Blocks>(block) + g;
    const int first = g * Blocks::kSize;
    encode_codes<Integers<0, top>>(in + std::ptrdiff_t{block} * kSuperBlock + first, Blocks::kSize,
                                   choice.d[lane] * choice.scale[lane],
                                   -(choice.dmin[lane] * choice.minimum[lane]),
                                   codes.data() + first);
  }
  return codes;
}

using Sixteens = Groups<16, 16>;
using ThirtyTwos = Groups<32, 8>;

// `count` blocks: 1, or 2 for types with groups of 32.
inline void encode(const float* in, const float* importance, int count, BlockQ2_K* out) {
  const Sixteens blocks(in, importance, count);
  const LineChoice choice = LineSearch<3, Sixteens, 15>(blocks).best();
  const auto scales = integers_of<std::uint8_t, Sixteens>(choice.scale, 0);
  const auto minimums = integers_of<std::uint8_t, Sixteens>(choice.minimum, 0);
  *out = {};
  out->d = float_to_half(choice.d[0]);
  out->dmin = float_to_half(choice.dmin[0]);
  for (std::size_t g = 0; g < 16; ++g) {
    out->scales[g] = static_cast<std::uint8_t>(scales[g] | (minimums[g] << 4));
  }
  pack_two_bits(codes_of<3, Sixteens>(in, choice, 0).data(), out->qs);
}

inline void encode(const float* in, const float* importance, int count, BlockQ3_K* out) {
  using Levels = Integers<-4, 3>;
  const Sixteens blocks(in, importance, count);
  const ScaleChoice choice = ScaleSearch<Levels, Sixteens, -32, 31>(blocks).best();
  const Codes codes = codes_of<Levels, Sixteens>(in, choice, 0);
  *out = {};
  out->d = float_to_half(choice.d[0]);
  pack_scales_q3(integers_of<std::int8_t, Sixteens>(choice.scale, 0), out->scales);
  pack_two_bits(codes.data(), out->qs);
  for (std::size_t i = 0; i < kSuperBlock; ++i) {
    put(out->hmask[i % 32], codes[i] >> 2, static_cast<int>(i / 32));
  }
}

inline void encode(const float* in, const float* importance, int count, BlockQ6_K* out) {
  using Levels = Integers<-32, 31>;
  const Sixteens blocks(in, importance, count);
  const ScaleChoice choice = ScaleSearch<Levels, Sixteens, -128, 127>(blocks).best();
  const Codes codes = codes_of<Levels, Sixteens>(in, choice, 0);
  const auto scales = integers_of<std::int8_t, Sixteens>(choice.scale, 0);
  *out = {};
  out->d = float_to_half(choice.d[0]);
  std::memcpy(out->scales, scales.data(), sizeof out->scales);
  for (std::size_t i = 0; i < kSuperBlock; ++i) {
    const std::size_t half = i / 128;
    const std::size_t quarter = i / 32 % 4;
    put(out->ql[64 * half + 32 * (quarter % 2) + i % 32], codes[i] & 15,
        4 * static_cast<int>(quarter / 2));
    put(out->qh[32 * half + i % 32], codes[i] >> 4, 2 * static_cast<int>(quarter));
  }
}

// What Q4_K and Q5_K share.
template <int top, typename Block>
LineChoice encode_lines_of_eight(const ThirtyTwos& blocks, int count, Block* out) {
  const LineChoice choice = LineSearch<top, ThirtyTwos, 63>(blocks).best();
  for (int b = 0; b < count; ++b) {
    out[b] = {};
    out[b].d = float_to_half(choice.d[first_lane<ThirtyTwos>(b)]);
    out[b].dmin = float_to_half(choice.dmin[first_lane<ThirtyTwos>(b)]);
    pack_scales({integers_of<std::uint8_t, ThirtyTwos>(choice.scale, b),
                 integers_of<std::uint8_t, ThirtyTwos>(choice.minimum, b)},
                out[b].scales);
  }
  return choice;
}

inline void encode(const float* in, const float* importance, int count, BlockQ4_K* out) {
  const LineChoice choice =
      encode_lines_of_eight<15>(ThirtyTwos(in, importance, count), count, out);
  for (int b = 0; b < count; ++b) {
    pack_four_bits(codes_of<15, ThirtyTwos>(in, choice, b).data(), out[b].qs);
  }
}

inline void encode(const float* in, const float* importance, int count, BlockQ5_K* out) {
  const LineChoice choice =
      encode_lines_of_eight<31>(ThirtyTwos(in, importance, count), count, out);
  for (int b = 0; b < count; ++b) {
    const Codes codes = codes_of<31, ThirtyTwos>(in, choice, b);
    pack_four_bits(codes.data(), out[b].qs);
    for (std::size_t i = 0; i < kSuperBlock; ++i) {
      put(out[b].qh[i % 32], codes[i] >> 4, static_cast<int>(i / 32));
    }
  }
}

inline void encode(const float* in, const float* importance, int count, BlockIQ4_XS* out) {
  const ThirtyTwos blocks(in, importance, count);
  const ScaleChoice choice = ScaleSearch<Iq4Levels, ThirtyTwos, -32, 31>(blocks).best();
  for (int b = 0; b < count; ++b) {
    const Codes codes = codes_of<Iq4Levels, ThirtyTwos>(in, choice, b);
    const auto scales = integers_of<std::int8_t, ThirtyTwos>(choice.scale, b);
    out[b] = {};
    out[b].d = float_to_half(choice.d[first_lane<ThirtyTwos>(b)]);
    for (std::size_t g = 0; g < 8; ++g) {
      const int stored = scales[g] + 32;
      put(out[b].scales_l[g / 2], stored & 15, 4 * static_cast<int>(g % 2));
      out[b].scales_h = static_cast<std::uint16_t>(out[b].scales_h | ((stored >> 4) << (2 * g)));
      pack_nibbles(codes.data() + 32 * g, out[b].qs + 16 * g);
    }
  }
}

}  // namespace
}  // namespace ceiling::quantising
