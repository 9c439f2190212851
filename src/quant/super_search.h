// The searches for blocks of 256 weights: groups whose scales (and minimums) are small integers
// times one half for the block. All of them are chosen together: integers near the best line of
// each group, then the halves by least squares over the block, in turns. One block or two at once,
// a group in each lane; what belongs to a block is the same in all of its lanes. Internal linkage,
// as lanes.h.
#pragma once

#include <array>
#include <cstddef>
#include <limits>

#include "quant/level_fit.h"

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
    const auto consider = [&](const ScaleChoice& candidate) {
      best = select(candidate.error < best.error, candidate, best);
    };
    const Lanes whole = step(1.0f);
    consider(refine(whole));
    // One more integer is negative than positive: a group beyond the range may need d's other sign.
    const Mask beyond = scales_ * inverse_of(whole) > static_cast<float>(scale_high) + 0.5f;
    const Lanes cut = sum_across<Blocks::kGroups>(select(beyond, splat(1), splat(0)));
    if (any(cut > 0.0f)) {
      ScaleChoice mirrored = refine(-whole);
      mirrored.error = select(cut > 0.0f, mirrored.error, best.error);
      consider(mirrored);
    }
    consider(refine(step(0.96f)));
    consider(refine(step(0.92f)));
    return settled(best);
  }

 private:
  // The d of which `share` of the most steps reach the largest scale.
  Lanes step(float share) const { return largest_ / (share * static_cast<float>(scale_low)); }

  // With the half beside d, where that is better.
  ScaleChoice settled(const ScaleChoice& choice) const {
    ScaleChoice best = choice;
    for (const int step : {-1, 1}) {
      ScaleChoice beside = choice;
      beside.d = neighbour_half(choice.d, step);
      beside.error = sum_across<Blocks::kGroups>(
          scale_error<Levels, Blocks::kSize>(blocks_.x, blocks_.w, real(beside.d) * choice.scale));
      best = select(beside.error < best.error, beside, best);
    }
    return best;
  }

  ScaleChoice refine(const Lanes& start) const {
    ScaleChoice best;
    ScaleChoice current;
    current.d = round_to_half_not_zero(start * blocks_.unit);
    current.scale =
        round_to_integer(clamp(scales_ * inverse_of(real(current.d)), scale_low, scale_high));
    Mask going = splat(0) == splat(0);
    for (int round = 0; round < kRounds; ++round) {
      const Lanes next = choose_scales(current);
      going &= current.error < best.error;
      if (!any(going)) break;
      best = select(going, current, best);
      const Lanes refitted = round_to_half_not_zero(next * blocks_.unit);
      going &= refitted != current.d;
      current.d = refitted;
    }
    return best;
  }

  // Moves each scale to its best neighbour, or to the other sign; returns the best d for the levels
  // that are nearest then.
  Lanes choose_scales(ScaleChoice& choice) const {
    const Lanes d = real(choice.d);
    const Lanes centre = choice.scale;
    const Lanes mirrored = select(centre == static_cast<float>(scale_high),
                                  splat(static_cast<float>(scale_low)), -centre);
    Lanes least = splat(std::numeric_limits<float>::infinity());
    for (const Lanes& scale : {centre, centre - 1.0f, centre + 1.0f, mirrored}) {
      const Lanes error = scale_error<Levels, Blocks::kSize>(blocks_.x, blocks_.w, d * scale);
      const Mask better = (error < least) & (scale >= static_cast<float>(scale_low)) &
                          (scale <= static_cast<float>(scale_high));
      choice.scale = select(better, scale, choice.scale);
      least = select(better, error, least);
    }
    choice.error = sum_across<Blocks::kGroups>(least);
    const Projection part = project<Levels, Blocks::kSize>(blocks_.x, blocks_.w, d * choice.scale);
    const Lanes off = sum_across<Blocks::kGroups>(choice.scale * part.off_level);
    const Lanes levels =
        sum_across<Blocks::kGroups>(choice.scale * choice.scale * part.level_level);
    return d + select(levels > 0.0f, off / levels, splat(0));
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
// m = minimum, from what the present ones leave (off).
template <int groups>
struct PairSums {
  Lanes uu, um, mm, off_u, off_m;
  // part: levels counted from zero.
  PairSums(const LineSums& part, const Lanes& scale, const Lanes& minimum)
      : uu(sum_across<groups>(scale * scale * part.qq)),
        um(sum_across<groups>(scale * minimum * part.q)),
        mm(sum_across<groups>(minimum * minimum * part.w)),
        off_u(sum_across<groups>(scale * part.off_q)),
        off_m(sum_across<groups>(minimum * part.off)) {}

  struct Pair {
    Lanes d, dmin;
  };
  // What is to be added to both; to d alone where the sums do not tell them apart.
  Pair shift() const {
    const Lanes zero = splat(0);
    const Lanes determinant = uu * mm - um * um;
    const Mask both = determinant > 1e-6f * (uu * mm);
    const Lanes alone = select(uu > zero, off_u / uu, zero);
    const Lanes minimum_alone = select((uu > zero) | (mm <= zero), zero, -off_m / mm);
    return {select(both, (off_u * mm - off_m * um) / determinant, alone),
            select(both, (off_u * um - off_m * uu) / determinant, minimum_alone)};
  }
};

template <int top, typename Blocks, int scale_top>
class LineSearch {
 public:
  explicit LineSearch(const Blocks& blocks) : blocks_(blocks) {
    const Lanes* x = blocks.x;
    const Lanes* w = blocks.w;
    const LineWeights weights = line_weights<Blocks::kSize>(x, w);
    lines_ = best_line<top, Blocks::kSize>(x, w, weights, true);
    nearer_ = nearest_to_zero<top, Blocks::kSize>(x, w, weights, lines_);
  }

  LineChoice best() const {
    constexpr std::array<float, 2> kShares = {1.0f, 0.93f};
    LineChoice best;
    const Line largest = largest_of(lines_);
    for (const float share : kShares) {
      const LineChoice candidate = refine(lines_, nearer_, largest, share);
      best = select(candidate.error < best.error, candidate, best);
    }
    // The largest offset of a block sets the step of all: where it could be smaller, so could that.
    const Line nearer = largest_of(nearer_);
    const Mask differ = nearer.offset != largest.offset;
    if (any(differ)) {
      for (const float share : kShares) {
        const LineChoice candidate = refine(nearer_, lines_, nearer, share);
        best = select(differ & (candidate.error < best.error), candidate, best);
      }
    }
    return settled(best);
  }

 private:
  // With the halves beside d and dmin, where those are better: least squares do not know of halves.
  LineChoice settled(const LineChoice& choice) const {
    struct Steps {
      int d, dmin;
    };
    constexpr std::array<Steps, 6> kBeside = {{{-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-1, -1}, {1, 1}}};
    LineChoice best = choice;
    for (const Steps& steps : kBeside) {
      LineChoice beside = choice;
      beside.d = neighbour_half(choice.d, steps.d);
      beside.dmin = neighbour_half(choice.dmin, steps.dmin);
      beside.error = sum_across<Blocks::kGroups>(line_error<top, Blocks::kSize>(
          blocks_.x, blocks_.w, line(beside, choice.scale, choice.minimum)));
      best = select(beside.error < best.error, beside, best);
    }
    return best;
  }

  static Line largest_of(const Line& lines) {
    return {across<Blocks::kGroups>(lines.scale, larger),
            across<Blocks::kGroups>(lines.offset, smaller)};
  }

  // From steps of which `share` of the most reach `largest`, and the integers nearest to `lines`;
  // those of the other lines are tried too.
  LineChoice refine(const Line& lines, const Line& other, const Line& largest, float share) const {
    const float steps = share * static_cast<float>(scale_top);
    LineChoice best;
    LineChoice current;
    current.d = to_half(largest.scale / steps);
    current.dmin = to_half(larger(splat(0), -largest.offset) / steps);
    round_to(lines, current);
    Mask going = splat(0) == splat(0);
    for (int round = 0; round < kRounds; ++round) {
      const auto shift = choose_integers(current, other).shift();
      going &= current.error < best.error;
      if (!any(going)) break;
      best = select(going, current, best);
      const Lanes next_d = to_half(real(current.d) + shift.d);
      const Lanes next_dmin = to_half(real(current.dmin) + shift.dmin);
      going &= (next_d != current.d) | (next_dmin != current.dmin);
      current.d = next_d;
      current.dmin = next_dmin;
    }
    return best;
  }

  void round_to(const Line& lines, LineChoice& choice) const {
    choice.scale = rounded(lines.scale * inverse_of(real(choice.d)));
    choice.minimum = rounded(-lines.offset * inverse_of(real(choice.dmin)));
  }

  // Moves each pair of integers to its best neighbour, or to those nearest to the other line.
  PairSums<Blocks::kGroups> choose_integers(LineChoice& choice, const Line& other) const {
    const Lanes scale = choice.scale;
    const Lanes minimum = choice.minimum;
    Lanes least = splat(std::numeric_limits<float>::infinity());
    const auto consider = [&](const Lanes& s, const Lanes& m) {
      const Lanes error = line_error<top, Blocks::kSize>(blocks_.x, blocks_.w, line(choice, s, m));
      const Mask better = (error < least) & within(s) & within(m);
      choice.scale = select(better, s, choice.scale);
      choice.minimum = select(better, m, choice.minimum);
      least = select(better, error, least);
    };
    for (const float up : {0.0f, -1.0f, 1.0f}) {
      for (const float down : {0.0f, -1.0f, 1.0f}) consider(scale + up, minimum + down);
    }
    // Weights that take only some of the levels fit a level higher or lower, maybe more exactly.
    const Lanes level = rounded(real(choice.d) * scale * inverse_of(real(choice.dmin)));
    consider(scale, minimum + level);
    consider(scale, minimum - level);
    LineChoice away = choice;
    round_to(other, away);
    consider(away.scale, away.minimum);
    choice.error = sum_across<Blocks::kGroups>(least);
    const LineSums sums = line_sums<top, Blocks::kSize>(
        blocks_.x, blocks_.w, line(choice, choice.scale, choice.minimum), splat(0));
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
  Line lines_;   // the best of each group
  Line nearer_;  // as good, and nearest to zero
};

}  // namespace
}  // namespace ceiling::quantising
