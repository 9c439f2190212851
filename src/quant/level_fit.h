// How well a group of weights fits a set of evenly or unevenly spaced levels: the searches that
// quantisation is made of. Internal to quantise*.cc.
//
// Notation: x[i] a weight, w[i] >= 0 the importance of its squared error, l a level of the set.
// All functions expect weights scaled to magnitudes near 1 (quantise.cc does that), so that no
// square overflows or vanishes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "quant/blocks.h"

namespace ceiling::quantising {

// Four lanes: the same code on every processor, and the same sums.
using Lanes = float __attribute__((vector_size(16)));

inline Lanes load(const float* p) {
  Lanes v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline Lanes splat(float value) { return Lanes{value, value, value, value}; }
inline float sum(Lanes v) { return (v[0] + v[2]) + (v[1] + v[3]); }

// Nearest integer, ties to even, for |v| < 2^22.
inline Lanes round_lanes(Lanes v) {
  const Lanes magic = splat(12582912.0f);
  return (v + magic) - magic;
}
inline Lanes clamp_lanes(Lanes v, float low, float high) {
  const Lanes lows = splat(low);
  const Lanes highs = splat(high);
  v = v < lows ? lows : v;
  return v > highs ? highs : v;
}

// The integers low..high. `code` is what a block stores: the level less `low`.
template <int low, int high>
struct Integers {
  static constexpr float kLow = low;
  static constexpr float kHigh = high;
  static constexpr float kSpacing = 1;
  static Lanes nearest(Lanes t) { return round_lanes(clamp_lanes(t, kLow, kHigh)); }
  static int code(float t) { return static_cast<int>(nearest(splat(t))[0]) - low; }
};

// The sixteen uneven levels of the IQ4 types. `code` is the index of the level.
struct Iq4Levels {
  static constexpr float kLow = kIq4Values.front();
  static constexpr float kHigh = kIq4Values.back();
  static constexpr float kSpacing = 16;  // on average

  static int code(float t) {
    // Midpoints between levels are multiples of a half: a table over halves is exact.
    const float clamped = std::clamp(t, kLow, kHigh);
    return kCodes[static_cast<std::size_t>(2.0f * (clamped - kLow))];
  }
  static Lanes nearest(Lanes t) {
    return Lanes{level(t[0]), level(t[1]), level(t[2]), level(t[3])};
  }

 private:
  static float level(float t) { return kIq4Values[static_cast<std::size_t>(code(t))]; }

  static constexpr auto kCodes = [] {
    std::array<std::uint8_t, 2 * (kIq4Values.back() - kIq4Values.front()) + 1> codes{};
    std::uint8_t code = 0;
    for (std::size_t half = 0; half < codes.size(); ++half) {
      const int doubled =
          static_cast<int>(half) + 2 * kIq4Values.front();  // 2t at the cell's start
      while (code < 15 && doubled >= kIq4Values[code] + kIq4Values[code + 1]) ++code;
      codes[half] = code;
    }
    return codes;
  }();
};

// ---- One scale: x = a * l ----

struct Projection {
  float xl = 0;  // sum of w x l
  float ll = 0;  // sum of w l l
  float best_scale() const { return ll > 0 ? xl / ll : 0; }
  float gain() const { return ll > 0 ? xl * xl / ll : 0; }  // error saved by best_scale()
};

// 1 / scale; 0 for a scale so small that all weights are zeros beside it (and 1 / scale may
// overflow).
inline float inverse_of(float scale) {
  constexpr float kLeast = 1e-30f;
  return std::abs(scale) < kLeast ? 0.0f : 1.0f / scale;
}

// Each weight goes to the level nearest to x * inverse.
template <typename Levels, int n>
Projection project(const float* x, const float* w, float inverse) {
  Lanes xl{};
  Lanes ll{};
  for (int i = 0; i < n; i += 4) {
    const Lanes value = load(x + i);
    const Lanes level = Levels::nearest(value * splat(inverse));
    const Lanes weighted = load(w + i) * level;
    xl += weighted * value;
    ll += weighted * level;
  }
  return {sum(xl), sum(ll)};
}

// Weighted squared error of the nearest levels at `scale`.
template <typename Levels, int n>
float scale_error(const float* x, const float* w, float scale) {
  const Lanes inverses = splat(inverse_of(scale));
  Lanes total{};
  for (int i = 0; i < n; i += 4) {
    const Lanes value = load(x + i);
    const Lanes off = value - splat(scale) * Levels::nearest(value * inverses);
    total += load(w + i) * off * off;
  }
  return sum(total);
}

template <int n>
float largest_magnitude(const float* x) {
  float largest = 0;
  for (int i = 0; i < n; ++i) largest = std::max(largest, std::abs(x[i]));
  return largest;
}

// The scale of least error, of either sign: a grid of clippings, then alternating steps (nearest
// levels for a scale, least squares for the levels), which only improve.
template <typename Levels, int n>
float best_scale(const float* x, const float* w) {
  constexpr int kSteps = 24;
  constexpr float kReach = -Levels::kLow / Levels::kSpacing;
  // From one level beyond the largest weight to the clipping of a third, or of 5 levels if that is
  // less.
  constexpr float kStep = (1.0f + std::min(kReach / 3, 5.0f)) / kSteps;
  const float largest = largest_magnitude<n>(x);
  if (inverse_of(largest) == 0) return 0;
  Projection best;
  for (int i = 0; i <= kSteps; ++i) {
    const float reach = kReach + 1 - kStep * static_cast<float>(i);
    const float inverse = reach * Levels::kSpacing / largest;
    for (const float sign : {1.0f, -1.0f}) {
      const Projection candidate = project<Levels, n>(x, w, sign * inverse);
      if (candidate.gain() > best.gain()) best = candidate;
    }
  }
  for (int i = 0; i < 2; ++i) {
    const Projection next = project<Levels, n>(x, w, inverse_of(best.best_scale()));
    if (next.gain() <= best.gain()) break;
    best = next;
  }
  return best.best_scale();
}

// ---- A scale and an offset: x = a * q + c, q = 0..top ----

struct Line {
  float scale = 0;
  float offset = 0;
};

struct LineSums {
  float w = 0, x = 0, q = 0, xq = 0, qq = 0;  // each weighted

  // The least-squares line; with an offset of at most zero where asked.
  Line fit(bool offset_not_positive) const {
    const float determinant = w * qq - q * q;
    if (determinant > 1e-6f * w * qq) {
      const float scale = (w * xq - x * q) / determinant;
      const float offset = (qq * x - q * xq) / determinant;
      if (scale > 0 && !(offset_not_positive && offset > 0)) return {scale, offset};
    }
    if (offset_not_positive) return {qq > 0 && xq > 0 ? xq / qq : 0.0f, 0};
    return {0, w > 0 ? x / w : 0.0f};
  }
};

template <int top, int n>
LineSums line_sums(const float* x, const float* w, Line line) {
  const Lanes inverses = splat(inverse_of(line.scale));
  Lanes sw{}, sx{}, sq{}, sxq{}, sqq{};
  for (int i = 0; i < n; i += 4) {
    const Lanes value = load(x + i);
    const Lanes weight = load(w + i);
    const Lanes q = Integers<0, top>::nearest((value - splat(line.offset)) * inverses);
    sw += weight;
    sx += weight * value;
    sq += weight * q;
    sxq += weight * value * q;
    sqq += weight * q * q;
  }
  return {sum(sw), sum(sx), sum(sq), sum(sxq), sum(sqq)};
}

// Weighted squared error of the nearest levels on `line`.
template <int top, int n>
float line_error(const float* x, const float* w, Line line) {
  const Lanes inverses = splat(inverse_of(line.scale));
  Lanes total{};
  for (int i = 0; i < n; i += 4) {
    const Lanes above = load(x + i) - splat(line.offset);
    const Lanes off = above - splat(line.scale) * Integers<0, top>::nearest(above * inverses);
    total += load(w + i) * off * off;
  }
  return sum(total);
}

// The line of least error: a grid of clippings at both ends, each with its least-squares line, then
// alternating steps from the best.
template <int top, int n>
Line best_line(const float* x, const float* w, bool offset_not_positive) {
  float low = *std::min_element(x, x + n);
  const float high = *std::max_element(x, x + n);
  if (offset_not_positive) low = std::min(low, 0.0f);
  if (high <= low) return {0, low};
  constexpr std::array<float, 5> kClips = {-0.45f, 0.0f, 0.45f, 0.9f, 1.5f};  // in levels
  const float level = (high - low) / top;
  Line best{level, low};
  float best_error = line_error<top, n>(x, w, best);
  const auto consider = [&](Line line) {
    const float error = line_error<top, n>(x, w, line);
    if (error >= best_error) return false;
    best = line;
    best_error = error;
    return true;
  };
  for (const float below : kClips) {
    for (const float above : kClips) {
      const Line start{level * (top - below - above) / top, low + level * below};
      if (start.scale <= 0) continue;
      consider(line_sums<top, n>(x, w, start).fit(offset_not_positive));
    }
  }
  for (int i = 0; i < 3; ++i) {
    if (!consider(line_sums<top, n>(x, w, best).fit(offset_not_positive))) break;
  }
  return best;
}

}  // namespace ceiling::quantising
