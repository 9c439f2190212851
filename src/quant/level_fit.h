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

struct Projection {
  Lanes xl{};  // sum of w x l
  Lanes ll{};  // sum of w l l
  Lanes best_scale() const { return select(ll > 0.0f, xl / ll, splat(0)); }
  // Error saved by best_scale().
  Lanes gain() const { return select(ll > 0.0f, xl * xl / ll, splat(0)); }
};

inline Projection select(const Mask& mask, const Projection& a, const Projection& b) {
  return {select(mask, a.xl, b.xl), select(mask, a.ll, b.ll)};
}

// Each weight goes to the level nearest to x * inverse.
template <typename Levels, int n>
Projection project(const Lanes* x, const Lanes* w, const Lanes& inverse) {
  Projection sums;
  for (int i = 0; i < n; ++i) {
    const Lanes level = Levels::nearest(x[i] * inverse);
    const Lanes weighted = w[i] * level;
    sums.xl += weighted * x[i];
    sums.ll += weighted * level;
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
  const Lanes one_level = inverse_of(largest) * Levels::kSpacing;
  Projection best;
  for (int i = 0; i <= kSteps; ++i) {
    const float reach = kReach + 1 - kStep * static_cast<float>(i);
    for (const float signed_reach : {reach, -reach}) {
      const Projection candidate = project<Levels, n>(x, w, one_level * signed_reach);
      best = select(candidate.gain() > best.gain(), candidate, best);
    }
  }
  for (int i = 0; i < 2; ++i) {
    const Projection next = project<Levels, n>(x, w, inverse_of(best.best_scale()));
    best = select(next.gain() > best.gain(), next, best);
  }
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

struct LineSums {
  Lanes w{}, x{}, q{}, xq{}, qq{};  // each weighted

  // The least-squares line; with an offset of at most zero where asked.
  Line fit(bool offset_not_positive) const {
    const Lanes zero = splat(0);
    const Lanes determinant = w * qq - q * q;
    const Line line{(w * xq - x * q) / determinant, (qq * x - q * xq) / determinant};
    const Mask good = (determinant > 1e-6f * (w * qq)) & (line.scale > zero);
    if (!offset_not_positive) return select(good, line, {zero, select(w > zero, x / w, zero)});
    const Lanes through_zero = select((qq > zero) & (xq > zero), xq / qq, zero);
    return select(good & (line.offset <= zero), line, {through_zero, zero});
  }
};

// The sums that no line changes.
template <int n>
LineSums sums_without_line(const Lanes* x, const Lanes* w) {
  LineSums sums;
  for (int i = 0; i < n; ++i) {
    sums.w += w[i];
    sums.x += w[i] * x[i];
  }
  return sums;
}

// Those of the nearest levels on `line` besides.
template <int top, int n>
LineSums line_sums(const Lanes* x, const Lanes* w, const LineSums& without, const Line& line) {
  const Lanes inverse = inverse_of(line.scale);
  LineSums sums = without;
  for (int i = 0; i < n; ++i) {
    const Lanes q = Integers<0, top>::nearest((x[i] - line.offset) * inverse);
    const Lanes weighted = w[i] * q;
    sums.q += weighted;
    sums.xq += weighted * x[i];
    sums.qq += weighted * q;
  }
  return sums;
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
Line best_line(const Lanes* x, const Lanes* w, const LineSums& without, bool offset_not_positive) {
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
      consider(line_sums<top, n>(x, w, without, start).fit(offset_not_positive));
    }
  }
  // Weights that had half as many steps before (a type with a bit less) fit one with an even
  // number.
  const Line even{level * (static_cast<float>(top) / static_cast<float>(top - 1)), low};
  consider(line_sums<top, n>(x, w, without, even).fit(offset_not_positive));
  for (int i = 0; i < 3; ++i)
    consider(line_sums<top, n>(x, w, without, best).fit(offset_not_positive));
  return best;
}

}  // namespace
}  // namespace ceiling::quantising
