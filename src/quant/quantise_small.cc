// The types with blocks of 32 weights.
#include <cmath>
#include <cstring>

#include "quant/half.h"
#include "quant/level_fit.h"
#include "quant/quantise_block.h"

namespace ceiling::quantising {
namespace {

constexpr int kN = kSmallBlock;

// The half nearest to the best scale, or a neighbour of it, whichever errs least.
template <typename Levels>
std::uint16_t scale_half(const Group& group) {
  const float scale = best_scale<Levels, kN>(group.x, group.w);
  const std::uint16_t nearest = finite_half(scale * group.unit);
  std::uint16_t best = nearest;
  float best_error = -1;
  for (const int step : {0, -1, 1}) {
    const std::uint16_t half = neighbour(nearest, step);
    const float error = scale_error<Levels, kN>(group.x, group.w, half_to_float(half) / group.unit);
    if (best_error < 0 || error < best_error) {
      best = half;
      best_error = error;
    }
  }
  return best;
}

struct Halves {
  std::uint16_t d = 0;
  std::uint16_t m = 0;
};

// The halves of the best line: the offset is rounded first, then the scale is refitted to it. A
// flat line is tried too, for weights smaller than the least halves.
template <int top>
Halves line_halves(const Group& group) {
  Halves best;
  float best_error = -1;
  const auto consider = [&](float scale, std::uint16_t m) {
    const std::uint16_t d = finite_half(std::max(scale, 0.0f) * group.unit);
    const Line rounded{half_to_float(d) / group.unit, half_to_float(m) / group.unit};
    const float error = line_error<top, kN>(group.x, group.w, rounded);
    if (best_error >= 0 && error >= best_error) return;
    best = {d, m};
    best_error = error;
  };
  const Line line = best_line<top, kN>(group.x, group.w, false);
  const std::uint16_t nearest = finite_half(line.offset * group.unit);
  for (const int step : {0, -1, 1}) {
    const std::uint16_t m = neighbour(nearest, step);
    const float offset = half_to_float(m) / group.unit;
    const LineSums sums = line_sums<top, kN>(group.x, group.w, {line.scale, offset});
    consider(line.scale, m);
    if (sums.qq > 0) consider((sums.xq - offset * sums.q) / sums.qq, m);
  }
  const LineSums flat = line_sums<top, kN>(group.x, group.w, {});
  consider(0, finite_half(flat.x / flat.w * group.unit));
  return best;
}

template <typename Levels>
void encode_codes(const float* in, std::uint16_t d, std::uint8_t (&codes)[kN]) {
  const float inverse = inverse_of(half_to_float(d));
  for (int i = 0; i < kN; ++i) codes[i] = static_cast<std::uint8_t>(Levels::code(in[i] * inverse));
}

template <int top>
void encode_codes(const float* in, Halves halves, std::uint8_t (&codes)[kN]) {
  const float inverse = inverse_of(half_to_float(halves.d));
  const float offset = half_to_float(halves.m);
  for (int i = 0; i < kN; ++i) {
    codes[i] = static_cast<std::uint8_t>(Integers<0, top>::code((in[i] - offset) * inverse));
  }
}

void pack_nibbles(const std::uint8_t (&codes)[kN], std::uint8_t (&qs)[16]) {
  for (int i = 0; i < 16; ++i) {
    qs[i] = static_cast<std::uint8_t>((codes[i] & 15) | ((codes[i + 16] & 15) << 4));
  }
}

void pack_fifth_bits(const std::uint8_t (&codes)[kN], std::uint8_t (&qh)[4]) {
  for (int byte = 0; byte < 4; ++byte) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) bits |= static_cast<unsigned>(codes[8 * byte + i] >> 4) << i;
    qh[byte] = static_cast<std::uint8_t>(bits);
  }
}

}  // namespace

void encode(const float* in, const float* importance, BlockQ4_0& out) {
  const Normalised<kN> block(in, importance);
  std::uint8_t codes[kN];
  out.d = scale_half<Integers<-8, 7>>(block.group(0));
  encode_codes<Integers<-8, 7>>(in, out.d, codes);
  pack_nibbles(codes, out.qs);
}

void encode(const float* in, const float* importance, BlockQ5_0& out) {
  const Normalised<kN> block(in, importance);
  std::uint8_t codes[kN];
  out.d = scale_half<Integers<-16, 15>>(block.group(0));
  encode_codes<Integers<-16, 15>>(in, out.d, codes);
  pack_nibbles(codes, out.qs);
  pack_fifth_bits(codes, out.qh);
}

void encode(const float* in, const float* importance, BlockQ4_1& out) {
  const Normalised<kN> block(in, importance);
  std::uint8_t codes[kN];
  const Halves halves = line_halves<15>(block.group(0));
  out.d = halves.d;
  out.m = halves.m;
  encode_codes<15>(in, halves, codes);
  pack_nibbles(codes, out.qs);
}

void encode(const float* in, const float* importance, BlockQ5_1& out) {
  const Normalised<kN> block(in, importance);
  std::uint8_t codes[kN];
  const Halves halves = line_halves<31>(block.group(0));
  out.d = halves.d;
  out.m = halves.m;
  encode_codes<31>(in, halves, codes);
  pack_nibbles(codes, out.qs);
  pack_fifth_bits(codes, out.qh);
}

void encode(const float* in, const float* importance, BlockQ8_0& out) {
  using Levels = Integers<-127, 127>;  // -128 is left out: kernels may negate
  const Normalised<kN> block(in, importance);
  out.d = scale_half<Levels>(block.group(0));
  const float inverse = inverse_of(half_to_float(out.d));
  for (int i = 0; i < kN; ++i)
    out.qs[i] = static_cast<std::int8_t>(Levels::code(in[i] * inverse) - 127);
}

void encode(const float* in, const float* importance, BlockIQ4_NL& out) {
  const Normalised<kN> block(in, importance);
  std::uint8_t codes[kN];
  out.d = scale_half<Iq4Levels>(block.group(0));
  encode_codes<Iq4Levels>(in, out.d, codes);
  pack_nibbles(codes, out.qs);
}

}  // namespace ceiling::quantising
