// The types with blocks of 256 weights: what super_search.h chooses, packed. Internal linkage, as
// lanes.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

#include "quant/codes.h"
#include "quant/groups.h"
#include "quant/half.h"
#include "quant/super_search.h"

namespace ceiling::quantising {
namespace {

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
