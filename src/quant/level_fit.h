// How well groups of weights fit a set of evenly or unevenly spaced levels: the searches that
// quantisation is made of. A lane is a group, and each decides for itself: sixteen searches run at
// once, and none depends on its neighbours. Internal to quantise*.
//
// Notation: x[i] weight i of each group, w[i] >= 0 the importance of its squared error, l a level
// of the set. All functions expect weights scaled to magnitudes near 1 (groups.h does that), so
// that no square overflows or vanishes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include "quant/blocks.h"
#include "quant/lanes.h"

namespace ceiling::quantising {
namespace {

// The integers low..high. `codes` are what a block stores: the level less `low`.
template <int low, int high>
struct Integers {
  static constexpr float kLow = low;
  static constexpr float kHigh = high;
  static constexpr float kSpacing = 1;
  static Lanes nearest(const Lanes& t) { return round_to_integer(clamp(t, kLow, kHigh)); }
  static Lanes codes(const Lanes& t) { return nearest(t) - kLow; }
};

// The sixteen uneven levels of the IQ4 types. `codes` are the indices of the levels.
struct Iq4Levels {
  static constexpr float kLow = kIq4Values.front();
  static constexpr float kHigh = kIq4Values.back();
  static constexpr float kSpacing = 16;  // on average

  static Lanes nearest(const Lanes& t) {
    return climb(t, kLow, [](std::size_t i) {
      return static_cast<float>(kIq4Values[i + 1] - kIq4Values[i]);
    });
  }
  static Lanes codes(const Lanes& t) {
    return climb(t, 0, [](std::size_t) { return 1.0f; });
  }

 private:
  // From `start` up by rise(i) for each midpoint, between levels i and i + 1, that t has reached.
  template <typename Rise>
  static Lanes climb(const Lanes& t, float start, Rise rise) {
    Lanes level = splat(start);
    for (std::size_t i = 0; i + 1 < kIq4Values.size(); ++i) {
      const float midpoint = 0.5f * static_cast<float>(kIq4Values[i] + kIq4Values[i + 1]);
      level += select(t >= midpoint, splat(rise(i)), splat(0));
    }
    return level;
  }
};

// ---- One scale: x = a * l ----

// What levels leave of the weights at one scale, and what least squares make of it. Sums of what is
// left, not of the weights: a weight that counts a million times as much as its neighbours would
// otherwise drown them in rounding.
struct Projection {
  Lanes scale{};
  Lanes off_level{};    // sum of w (x - scale l) l
  Lanes level_level{};  // sum of w l l
  Lanes off_off{};      // sum of w (x - scale l)^2
  Lanes shift() const { return select(level_level > 0.0f, off_level / level_level, splat(0)); }
  Lanes best_scale() const { return scale + shift(); }
  // At best_scale().
  Lanes error() const { return off_off - shift() * off_level; }
};

inline Projection select(const Mask& mask, const Projection& a, const Projection& b) {
  return {select(mask, a.scale, b.scale), select(mask, a.off_level, b.off_level),
          select(mask, a.level_level, b.level_level), select(mask, a.off_off, b.off_off)};
}

// Each weight goes to the level nearest to x / scale.
template <typename Levels, int n>
Projection project(const Lanes* x, const Lanes* w, const Lanes& scale) {
  const Lanes inverse = inverse_of(scale);
  Projection sums;
  sums.scale = scale;
  for (int i = 0; i < n; ++i) {
    const Lanes level = Levels::nearest(x[i] * inverse);
    const Lanes weighted = w[i] * level;
    const Lanes off = x[i] - scale * level;
    sums.off_level += weighted * off;
    sums.level_level += weighted * level;
    sums.off_off += w[i] * off * off;
  }
  return sums;
}

// Weighted squared error of the nearest levels at `scale`.
template <typename Levels, int n>
Lanes scale_error(const Lanes* x, const Lanes* w, const Lanes& scale) {
  const Lanes inverse = inverse_of(scale);
  Lanes total{};
  for (int i = 0; i < n; ++i) {
    const Lanes off = x[i] - scale * Levels::nearest(x[i] * inverse);
    total += w[i] * off * off;
  }
  return total;
}

// The scale of least error, of either sign: a grid of clippings, then alternating steps (nearest
// levels for a scale, least squares for the levels), which only improve.
template <typename Levels, int n>
Lanes best_scale(const Lanes* x, const Lanes* w) {
  constexpr int kSteps = 24;
  constexpr float kReach = -Levels::kLow / Levels::kSpacing;
  // From one level beyond the largest weight to the clipping of a third, or of 5 levels if that is
  // less.
  constexpr float kStep = (1.0f + std::min(kReach / 3, 5.0f)) / kSteps;
  Lanes largest{};
  for (int i = 0; i < n; ++i) largest = larger(largest, magnitude(x[i]));
  const Lanes one_level = largest / Levels::kSpacing;
  Projection best;
  best.off_off = splat(std::numeric_limits<float>::infinity());
  const auto consider = [&](const Projection& candidate) {
    best = select(candidate.error() < best.error(), candidate, best);
  };
  for (int i = 0; i <= kSteps; ++i) {
    const float reach = kReach + 1 - kStep * static_cast<float>(i);
    for (const float signed_reach : {reach, -reach}) {
      consider(project<Levels, n>(x, w, one_level / signed_reach));
    }
  }
  for (int i = 0; i < 2; ++i) consider(project<Levels, n>(x, w, best.best_scale()));
  return best.best_scale();
}

// ---- A scale and an offset: x = a * q + c, q = 0..top ----

struct Line {
  Lanes scale{};
  Lanes offset{};
};

inline Line select(const Mask& mask, const Line& a, const Line& b) {
  return {select(mask, a.scale, b.scale), select(mask, a.offset, b.offset)};
}

// What all lines of a group share.
struct LineWeights {
  Lanes total{};     // sum of w
  Lanes mean{};      // of x, weighted
  Lanes heaviest{};  // the x of largest w
};

template <int n>
LineWeights line_weights(const Lanes* x, const Lanes* w) {
  LineWeights weights;
  Lanes sum{};
  Lanes largest = splat(-1);
  for (int i = 0; i < n; ++i) {
    weights.total += w[i];
    sum += w[i] * x[i];
    weights.heaviest = select(w[i] > largest, x[i], weights.heaviest);
    largest = larger(largest, w[i]);
  }
  weights.mean = sum / weights.total;
  return weights;
}

// What the nearest levels of a line leave of the weights, each sum weighted; levels are counted
// from `centre`. Sums of what is left, not of the weights, and levels from the heaviest weight's:
// it would otherwise drown the others in rounding where it counts a million times as much.
struct LineSums {
  Line line{};
  Lanes centre{};
  Lanes w{}, q{}, qq{}, off{}, off_q{};

  // The least-squares line; with an offset of at most zero where asked.
  Line fit(const LineWeights& weights, bool offset_not_positive) const {
    const Lanes zero = splat(0);
    const Lanes determinant = w * qq - q * q;
    const Lanes up = (w * off_q - off * q) / determinant;
    const Lanes shift = (qq * off - q * off_q) / determinant - up * centre;
    const Line fitted{line.scale + up, line.offset + shift};
    const Mask good = (determinant > 1e-6f * (w * qq)) & (fitted.scale > zero);
    if (!offset_not_positive) return select(good, fitted, {zero, weights.mean});
    const Lanes sum_q = q + centre * w;
    const Lanes sum_qq = qq + centre * (q + sum_q);
    const Lanes sum_xq = line.scale * sum_qq + line.offset * sum_q + off_q + centre * off;
    const Lanes through_zero = select((sum_qq > zero) & (sum_xq > zero), sum_xq / sum_qq, zero);
    return select(good & (fitted.offset <= zero), fitted, {through_zero, zero});
  }
};

template <int top, int n>
LineSums line_sums(const Lanes* x, const Lanes* w, const Line& line, const Lanes& centre) {
  const Lanes inverse = inverse_of(line.scale);
  LineSums sums;
  sums.line = line;
  sums.centre = centre;
  for (int i = 0; i < n; ++i) {
    const Lanes above = x[i] - line.offset;
    const Lanes level = Integers<0, top>::nearest(above * inverse);
    const Lanes off = w[i] * (above - line.scale * level);
    const Lanes q = level - centre;
    const Lanes weighted = w[i] * q;
    sums.w += w[i];
    sums.q += weighted;
    sums.qq += weighted * q;
    sums.off += off;
    sums.off_q += off * q;
  }
  return sums;
}

// The least-squares line for the nearest levels on `line`.
template <int top, int n>
Line refitted(const Lanes* x, const Lanes* w, const LineWeights& weights, const Line& line,
              bool offset_not_positive) {
  const Lanes centre =
      Integers<0, top>::nearest((weights.heaviest - line.offset) * inverse_of(line.scale));
  return line_sums<top, n>(x, w, line, centre).fit(weights, offset_not_positive);
}

// Weighted squared error of the nearest levels on `line`.
template <int top, int n>
Lanes line_error(const Lanes* x, const Lanes* w, const Line& line) {
  const Lanes inverse = inverse_of(line.scale);
  Lanes total{};
  for (int i = 0; i < n; ++i) {
    const Lanes above = x[i] - line.offset;
    const Lanes off = above - line.scale * Integers<0, top>::nearest(above * inverse);
    total += w[i] * off * off;
  }
  return total;
}

// The line of least error: a grid of clippings at both ends, each with its least-squares line, then
// alternating steps from the best.
template <int top, int n>
Line best_line(const Lanes* x, const Lanes* w, const LineWeights& weights,
               bool offset_not_positive) {
  Lanes low = x[0];
  Lanes high = x[0];
  for (int i = 1; i < n; ++i) {
    low = smaller(low, x[i]);
    high = larger(high, x[i]);
  }
  if (offset_not_positive) low = smaller(low, splat(0));
  constexpr std::array<float, 5> kClips = {-0.45f, 0.0f, 0.45f, 0.9f, 1.5f};  // in levels
  const Lanes level = (high - low) / static_cast<float>(top);
  Line best{level, low};
  Lanes best_error = line_error<top, n>(x, w, best);
  const auto consider = [&](const Line& line) {
    const Lanes error = line_error<top, n>(x, w, line);
    const Mask better = error < best_error;
    best = select(better, line, best);
    best_error = select(better, error, best_error);
  };
  for (const float below : kClips) {
    for (const float above : kClips) {
      const float levels = static_cast<float>(top) - below - above;
      if (levels <= 0) continue;
      const Line start{level * (levels / static_cast<float>(top)), low + level * below};
      consider(refitted<top, n>(x, w, weights, start, offset_not_positive));
    }
  }
  // Weights that had half as many steps before (a type with a bit less) fit one with an even
  // number.
  const Line even{level * (static_cast<float>(top) / static_cast<float>(top - 1)), low};
  consider(refitted<top, n>(x, w, weights, even, offset_not_positive));
  for (int i = 0; i < 3; ++i) consider(refitted<top, n>(x, w, weights, best, offset_not_positive));
  return best;
}

// Weights that take only some of the levels fit a line as well that begins some levels nearer to
// zero, but for rounding: the nearest one.
template <int top, int n>
Line nearest_to_zero(const Lanes* x, const Lanes* w, const LineWeights& weights, Line line) {
  const Lanes bound = 1.01f * line_error<top, n>(x, w, line) + 1e-12f * weights.total;
  for (int i = 0; i < top / 2; ++i) {
    const Line nearer{line.scale, line.offset + line.scale};
    const Mask alike = (line_error<top, n>(x, w, nearer) <= bound) & (nearer.offset <= 0.0f);
    if (!any(alike)) break;
    line = select(alike, nearer, line);
  }
  return line;
}

}  // namespace
}  // namespace ceiling::quantising
