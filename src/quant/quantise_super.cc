// The types with blocks of 256 weights: groups whose scales (and minimums) are small integers times
// one half for the block. All of them are chosen together: integers near the best line of each
// group, then the halves by least squares over the block, in turns.
#include <array>
#include <cmath>
#include <utility>

#include "quant/half.h"
#include "quant/level_fit.h"
#include "quant/quantise_block.h"

namespace ceiling::quantising {
namespace {

constexpr int kN = kSuperBlock;
constexpr int kRounds = 4;
constexpr std::uint16_t kLeastHalf = 1;  // 2^-24

// The half of `scale` in the block's unit; never zero for a scale that is not.
std::uint16_t scale_half(float scale, float unit) {
  const std::uint16_t half = finite_half(scale * unit);
  if ((half & 0x7fff) == 0 && scale != 0) return half | kLeastHalf;
  return half;
}

// ---- w = d * scale[g] * level ----

template <int groups>
struct ScaleChoice {
  std::uint16_t d = 0;
  std::array<std::int8_t, groups> scales{};
  float error = -1;
};

template <typename Levels, int groups, int scale_low, int scale_high>
class ScaleSearch {
 public:
  using Choice = ScaleChoice<groups>;
  explicit ScaleSearch(const Normalised<kN>& block) : block_(block) {
    for (int g = 0; g < groups; ++g) {
      const Group group = block.group(g * kSize);
      scales_[g] = best_scale<Levels, kSize>(group.x, group.w);
      if (std::abs(scales_[g]) > std::abs(largest_)) largest_ = scales_[g];
    }
  }

  Choice best() const {
    if (largest_ == 0) return {};
    Choice best;
    for (const float share : {1.0f, 0.96f, 0.92f}) {
      const Choice candidate = refine(largest_ / (share * scale_low));
      if (best.error < 0 || candidate.error < best.error) best = candidate;
    }
    return best;
  }

 private:
  static constexpr int kSize = kN / groups;

  Choice refine(float start) const {
    Choice best;
    Choice current;
    current.d = scale_half(start, block_.unit());
    for (int g = 0; g < groups; ++g) current.scales[g] = rounded(scales_[g] / real(current.d));
    for (int round = 0; round < kRounds; ++round) {
      const Projection sums = choose_scales(current);
      if (best.error >= 0 && current.error >= best.error) break;
      best = current;
      const std::uint16_t refitted = scale_half(sums.best_scale(), block_.unit());
      if (refitted == current.d) break;
      current.d = refitted;
    }
    return best;
  }

  // Moves each scale to its best neighbour; returns the sums of levels times scales over the block.
  Projection choose_scales(Choice& choice) const {
    const float d = real(choice.d);
    Projection sums;
    choice.error = 0;
    for (int g = 0; g < groups; ++g) {
      const Group group = block_.group(g * kSize);
      const int centre = choice.scales[g];
      float least = -1;
      for (const int scale : {centre, centre - 1, centre + 1}) {
        if (scale < scale_low || scale > scale_high) continue;
        const float error =
            scale_error<Levels, kSize>(group.x, group.w, d * static_cast<float>(scale));
        if (least < 0 || error < least) {
          least = error;
          choice.scales[g] = static_cast<std::int8_t>(scale);
        }
      }
      choice.error += least;
      const auto scale = static_cast<float>(choice.scales[g]);
      const Projection part = project<Levels, kSize>(group.x, group.w, inverse_of(d * scale));
      sums.xl += scale * part.xl;
      sums.ll += scale * scale * part.ll;
    }
    return sums;
  }

  float real(std::uint16_t d) const { return half_to_float(d) / block_.unit(); }
  static std::int8_t rounded(float scale) {
    const float nearest = std::nearbyint(std::clamp<float>(scale, scale_low, scale_high));
    return static_cast<std::int8_t>(nearest);
  }

  const Normalised<kN>& block_;
  std::array<float, groups> scales_{};
  float largest_ = 0;
};

// The stored code of each weight.
template <typename Levels, int groups>
std::array<std::uint8_t, kN> codes_of(const float* in, const ScaleChoice<groups>& choice) {
  constexpr int kSize = kN / groups;
  std::array<std::uint8_t, kN> codes;
  for (int i = 0; i < kN; ++i) {
    const float scale = half_to_float(choice.d) * static_cast<float>(choice.scales[i / kSize]);
    codes[i] = static_cast<std::uint8_t>(Levels::code(in[i] * inverse_of(scale)));
  }
  return codes;
}

// ---- w = d * scale[g] * q - dmin * minimum[g] ----

template <int groups>
struct LineChoice {
  std::uint16_t d = 0;
  std::uint16_t dmin = 0;
  std::array<std::uint8_t, groups> scales{};
  std::array<std::uint8_t, groups> minimums{};
  float error = -1;
};

// Sums for the least-squares d and dmin: x = d * u - dmin * m, u = scale * q, m = minimum.
struct PairSums {
  float uu = 0, um = 0, mm = 0, xu = 0, xm = 0;
  void add(const LineSums& part, float scale, float minimum) {
    uu += scale * scale * part.qq;
    um += scale * minimum * part.q;
    mm += minimum * minimum * part.w;
    xu += scale * part.xq;
    xm += minimum * part.x;
  }
  std::pair<float, float> fit() const {
    const float determinant = uu * mm - um * um;
    if (determinant > 1e-6f * uu * mm) {
      return {(xu * mm - xm * um) / determinant, (xu * um - xm * uu) / determinant};
    }
    if (uu > 0) return {xu / uu, 0.0f};
    return {0.0f, mm > 0 ? -xm / mm : 0.0f};
  }
};

template <int top, int groups, int scale_top>
class LineSearch {
 public:
  using Choice = LineChoice<groups>;
  explicit LineSearch(const Normalised<kN>& block) : block_(block) {
    for (int g = 0; g < groups; ++g) {
      const Group group = block.group(g * kSize);
      lines_[g] = best_line<top, kSize>(group.x, group.w, true);
      largest_.scale = std::max(largest_.scale, lines_[g].scale);
      largest_.offset = std::min(largest_.offset, lines_[g].offset);
    }
  }

  Choice best() const {
    Choice best;
    for (const float share : {1.0f, 0.93f}) {
      const Choice candidate = refine(largest_.scale / (share * scale_top),
                                      std::max(0.0f, -largest_.offset) / (share * scale_top));
      if (best.error < 0 || candidate.error < best.error) best = candidate;
    }
    return best;
  }

 private:
  static constexpr int kSize = kN / groups;

  Choice refine(float d, float dmin) const {
    Choice best;
    Choice current = round_to(d, dmin);
    for (int round = 0; round < kRounds; ++round) {
      const PairSums sums = choose_integers(current);
      if (best.error >= 0 && current.error >= best.error) break;
      best = current;
      const auto [scale, minimum] = sums.fit();
      const std::uint16_t next_d = scale_half(std::max(scale, 0.0f), block_.unit());
      const std::uint16_t next_dmin = scale_half(std::max(minimum, 0.0f), block_.unit());
      if (next_d == current.d && next_dmin == current.dmin) break;
      current.d = next_d;
      current.dmin = next_dmin;
    }
    return best;
  }

  Choice round_to(float d, float dmin) const {
    Choice choice;
    choice.d = scale_half(d, block_.unit());
    choice.dmin = scale_half(dmin, block_.unit());
    for (int g = 0; g < groups; ++g) {
      choice.scales[g] = rounded(lines_[g].scale * inverse_of(real(choice.d)));
      choice.minimums[g] = rounded(-lines_[g].offset * inverse_of(real(choice.dmin)));
    }
    return choice;
  }

  // Moves each pair of integers to its best neighbour.
  PairSums choose_integers(Choice& choice) const {
    PairSums sums;
    choice.error = 0;
    for (int g = 0; g < groups; ++g) {
      const Group group = block_.group(g * kSize);
      choice.error += choose_pair(group, choice, g);
      const float scale = choice.scales[g];
      const float minimum = choice.minimums[g];
      sums.add(line_sums<top, kSize>(group.x, group.w,
                                     line(choice, choice.scales[g], choice.minimums[g])),
               scale, minimum);
    }
    return sums;
  }

  float choose_pair(const Group& group, Choice& choice, int g) const {
    const int scale = choice.scales[g];
    const int minimum = choice.minimums[g];
    float least = -1;
    for (const int s : {scale, scale - 1, scale + 1}) {
      for (const int m : {minimum, minimum - 1, minimum + 1}) {
        if (s < 0 || m < 0 || s > scale_top || m > scale_top) continue;
        const float error = line_error<top, kSize>(group.x, group.w, line(choice, s, m));
        if (least >= 0 && error >= least) continue;
        least = error;
        choice.scales[g] = static_cast<std::uint8_t>(s);
        choice.minimums[g] = static_cast<std::uint8_t>(m);
      }
    }
    return least;
  }

  Line line(const Choice& choice, int scale, int minimum) const {
    return {real(choice.d) * static_cast<float>(scale),
            -real(choice.dmin) * static_cast<float>(minimum)};
  }
  float real(std::uint16_t half) const { return half_to_float(half) / block_.unit(); }
  static std::uint8_t rounded(float value) {
    return static_cast<std::uint8_t>(std::nearbyint(std::clamp<float>(value, 0, scale_top)));
  }

  const Normalised<kN>& block_;
  std::array<Line, groups> lines_{};
  Line largest_;
};

template <int top, int groups>
std::array<std::uint8_t, kN> codes_of(const float* in, const LineChoice<groups>& choice) {
  constexpr int kSize = kN / groups;
  std::array<std::uint8_t, kN> codes;
  for (int i = 0; i < kN; ++i) {
    const float scale = half_to_float(choice.d) * static_cast<float>(choice.scales[i / kSize]);
    const float minimum =
        half_to_float(choice.dmin) * static_cast<float>(choice.minimums[i / kSize]);
    codes[i] =
        static_cast<std::uint8_t>(Integers<0, top>::code((in[i] + minimum) * inverse_of(scale)));
  }
  return codes;
}

// ---- Packing: the layouts are in quant/blocks.h ----

// Adds `bits` to a byte at a shift.
void put(std::uint8_t& byte, int bits, int shift) {
  byte = static_cast<std::uint8_t>(byte | (bits << shift));
}

void pack_two_bits(const std::array<std::uint8_t, kN>& codes, std::uint8_t (&qs)[64]) {
  for (int i = 0; i < kN; ++i) put(qs[32 * (i / 128) + i % 32], codes[i] & 3, 2 * (i / 32 % 4));
}

void pack_four_bits(const std::array<std::uint8_t, kN>& codes, std::uint8_t (&qs)[128]) {
  for (int i = 0; i < kN; ++i) put(qs[32 * (i / 64) + i % 32], codes[i] & 15, 4 * (i / 32 % 2));
}

}  // namespace

void encode(const float* in, const float* importance, BlockQ2_K& out) {
  const Normalised<kN> block(in, importance);
  const auto choice = LineSearch<3, 16, 15>(block).best();
  out = {};
  out.d = choice.d;
  out.dmin = choice.dmin;
  for (int g = 0; g < 16; ++g) {
    out.scales[g] = static_cast<std::uint8_t>(choice.scales[g] | (choice.minimums[g] << 4));
  }
  pack_two_bits(codes_of<3>(in, choice), out.qs);
}

void encode(const float* in, const float* importance, BlockQ3_K& out) {
  using Levels = Integers<-4, 3>;
  const Normalised<kN> block(in, importance);
  const auto choice = ScaleSearch<Levels, 16, -32, 31>(block).best();
  const auto codes = codes_of<Levels>(in, choice);
  out = {};
  out.d = choice.d;
  pack_scales_q3(choice.scales, out.scales);
  pack_two_bits(codes, out.qs);
  for (int i = 0; i < kN; ++i) put(out.hmask[i % 32], codes[i] >> 2, i / 32);
}

void encode(const float* in, const float* importance, BlockQ4_K& out) {
  const Normalised<kN> block(in, importance);
  const auto choice = LineSearch<15, 8, 63>(block).best();
  out = {};
  out.d = choice.d;
  out.dmin = choice.dmin;
  pack_scales({choice.scales, choice.minimums}, out.scales);
  pack_four_bits(codes_of<15>(in, choice), out.qs);
}

void encode(const float* in, const float* importance, BlockQ5_K& out) {
  const Normalised<kN> block(in, importance);
  const auto choice = LineSearch<31, 8, 63>(block).best();
  const auto codes = codes_of<31>(in, choice);
  out = {};
  out.d = choice.d;
  out.dmin = choice.dmin;
  pack_scales({choice.scales, choice.minimums}, out.scales);
  pack_four_bits(codes, out.qs);
  for (int i = 0; i < kN; ++i) put(out.qh[i % 32], codes[i] >> 4, i / 32);
}

void encode(const float* in, const float* importance, BlockQ6_K& out) {
  using Levels = Integers<-32, 31>;
  const Normalised<kN> block(in, importance);
  const auto choice = ScaleSearch<Levels, 16, -128, 127>(block).best();
  const auto codes = codes_of<Levels>(in, choice);
  out = {};
  out.d = choice.d;
  for (int g = 0; g < 16; ++g) out.scales[g] = choice.scales[g];
  for (int i = 0; i < kN; ++i) {
    const int half = i / 128;
    const int quarter = i / 32 % 4;
    put(out.ql[64 * half + 32 * (quarter % 2) + i % 32], codes[i] & 15, 4 * (quarter / 2));
    put(out.qh[32 * half + i % 32], codes[i] >> 4, 2 * quarter);
  }
}

void encode(const float* in, const float* importance, BlockIQ4_XS& out) {
  const Normalised<kN> block(in, importance);
  const auto choice = ScaleSearch<Iq4Levels, 8, -32, 31>(block).best();
  const auto codes = codes_of<Iq4Levels>(in, choice);
  out = {};
  out.d = choice.d;
  for (int g = 0; g < 8; ++g) {
    const int stored = choice.scales[g] + 32;
    put(out.scales_l[g / 2], stored & 15, 4 * (g % 2));
    out.scales_h = static_cast<std::uint16_t>(out.scales_h | ((stored >> 4) << (2 * g)));
    for (int i = 0; i < 16; ++i) {
      out.qs[16 * g + i] =
          static_cast<std::uint8_t>(codes[32 * g + i] | (codes[32 * g + 16 + i] << 4));
    }
  }
}

}  // namespace ceiling::quantising
