// Blocks as plain integers: q[i] signed and in column order, with the scale and minimum of each
// group of weights. w[i] = scale[g] * q[i] - minimum[g], exact but for the rounding of scale[g].
// For code that has no instruction set of its own. Everything here has internal linkage, since it
// is compiled with different flags in different translation units.
#pragma once

#include <cstdint>

#include "quant/blocks.h"
#include "quant/dequantise.h"
#include "quant/tensor_type.h"

namespace ceiling::cpu {
namespace {

// G: weights in a group. minimum is only set where kHasMinimum.
struct Unpacked {
  std::int8_t q[kSuperBlock];
  float scale[kSuperBlock / 16];
  float minimum[kSuperBlock / 16];
};

// elements of a block, weights that share a scale, and whether there is a minimum.
template <typename Block>
struct Layout;
template <int elements, int group, bool minimum>
struct LayoutOf {
  static constexpr int kElements = elements;
  static constexpr int kGroup = group;
  static constexpr bool kHasMinimum = minimum;
};
template <>
struct Layout<BlockQ4_0> : LayoutOf<32, 32, false> {};
template <>
struct Layout<BlockQ4_1> : LayoutOf<32, 32, true> {};
template <>
struct Layout<BlockQ5_0> : LayoutOf<32, 32, false> {};
template <>
struct Layout<BlockQ5_1> : LayoutOf<32, 32, true> {};
template <>
struct Layout<BlockQ8_0> : LayoutOf<32, 32, false> {};
template <>
struct Layout<BlockIQ4_NL> : LayoutOf<32, 32, false> {};
template <>
struct Layout<BlockIQ4_XS> : LayoutOf<256, 32, false> {};
template <>
struct Layout<BlockQ4_K> : LayoutOf<256, 32, true> {};
template <>
struct Layout<BlockQ5_K> : LayoutOf<256, 32, true> {};
template <>
struct Layout<BlockQ2_K> : LayoutOf<256, 16, true> {};
template <>
struct Layout<BlockQ3_K> : LayoutOf<256, 16, false> {};
template <>
struct Layout<BlockQ6_K> : LayoutOf<256, 16, false> {};

inline std::int8_t low_nibble(std::uint8_t byte) { return static_cast<std::int8_t>(byte & 15); }
inline std::int8_t high_nibble(std::uint8_t byte) { return static_cast<std::int8_t>(byte >> 4); }

inline void unpack_nibbles(const std::uint8_t (&qs)[16], std::int8_t* q) {
  for (int i = 0; i < 16; ++i) {
    q[i] = low_nibble(qs[i]);
    q[i + 16] = high_nibble(qs[i]);
  }
}

inline void unpack_fifth_bits(const std::uint8_t (&qh)[4], std::int8_t* q) {
  for (int i = 0; i < 32; ++i) {
    q[i] = static_cast<std::int8_t>(q[i] | (((qh[i / 8] >> (i % 8)) & 1) << 4));
  }
}

inline void subtract(std::int8_t* q, int n, int offset) {
  for (int i = 0; i < n; ++i) q[i] = static_cast<std::int8_t>(q[i] - offset);
}

inline void unpack(const BlockQ4_0& block, Unpacked& out) {
  unpack_nibbles(block.qs, out.q);
  subtract(out.q, kSmallBlock, 8);
  out.scale[0] = half_to_float(block.d);
}

inline void unpack(const BlockQ4_1& block, Unpacked& out) {
  unpack_nibbles(block.qs, out.q);
  out.scale[0] = half_to_float(block.d);
  out.minimum[0] = -half_to_float(block.m);
}

inline void unpack(const BlockQ5_0& block, Unpacked& out) {
  unpack_nibbles(block.qs, out.q);
  unpack_fifth_bits(block.qh, out.q);
  subtract(out.q, kSmallBlock, 16);
  out.scale[0] = half_to_float(block.d);
}

inline void unpack(const BlockQ5_1& block, Unpacked& out) {
  unpack_nibbles(block.qs, out.q);
  unpack_fifth_bits(block.qh, out.q);
  out.scale[0] = half_to_float(block.d);
  out.minimum[0] = -half_to_float(block.m);
}

inline void unpack(const BlockQ8_0& block, Unpacked& out) {
  for (int i = 0; i < kSmallBlock; ++i) out.q[i] = block.qs[i];
  out.scale[0] = half_to_float(block.d);
}

inline void unpack(const BlockIQ4_NL& block, Unpacked& out) {
  for (int i = 0; i < 16; ++i) {
    out.q[i] = kIq4Values[block.qs[i] & 15];
    out.q[i + 16] = kIq4Values[block.qs[i] >> 4];
  }
  out.scale[0] = half_to_float(block.d);
}

inline void unpack(const BlockIQ4_XS& block, Unpacked& out) {
  const float d = half_to_float(block.d);
  for (int g = 0; g < 8; ++g) {
    const int low = (block.scales_l[g / 2] >> (4 * (g % 2))) & 15;
    const int high = (block.scales_h >> (2 * g)) & 3;
    out.scale[g] = d * static_cast<float>((low | (high << 4)) - 32);
    for (int i = 0; i < 16; ++i) {
      out.q[32 * g + i] = kIq4Values[block.qs[16 * g + i] & 15];
      out.q[32 * g + i + 16] = kIq4Values[block.qs[16 * g + i] >> 4];
    }
  }
}

inline void unpack_super_nibbles(const std::uint8_t (&qs)[128], std::int8_t* q) {
  for (int p = 0; p < 4; ++p) {
    for (int i = 0; i < 32; ++i) {
      q[64 * p + i] = low_nibble(qs[32 * p + i]);
      q[64 * p + 32 + i] = high_nibble(qs[32 * p + i]);
    }
  }
}

template <typename Block>
void unpack_super_scales(const Block& block, Unpacked& out) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  const GroupScales groups = unpack_scales(block.scales);
  for (int g = 0; g < 8; ++g) {
    out.scale[g] = d * static_cast<float>(groups.scale[g]);
    out.minimum[g] = dmin * static_cast<float>(groups.minimum[g]);
  }
}

inline void unpack(const BlockQ4_K& block, Unpacked& out) {
  unpack_super_nibbles(block.qs, out.q);
  unpack_super_scales(block, out);
}

inline void unpack(const BlockQ5_K& block, Unpacked& out) {
  unpack_super_nibbles(block.qs, out.q);
  for (int g = 0; g < 8; ++g) {
    for (int i = 0; i < 32; ++i) {
      const int high = ((block.qh[i] >> g) & 1) << 4;
      out.q[32 * g + i] = static_cast<std::int8_t>(out.q[32 * g + i] | high);
    }
  }
  unpack_super_scales(block, out);
}

inline void unpack_two_bits(const std::uint8_t (&qs)[64], std::int8_t* q) {
  for (int h = 0; h < 2; ++h) {
    for (int s = 0; s < 4; ++s) {
      for (int i = 0; i < 32; ++i) {
        q[128 * h + 32 * s + i] = static_cast<std::int8_t>((qs[32 * h + i] >> (2 * s)) & 3);
      }
    }
  }
}

inline void unpack(const BlockQ2_K& block, Unpacked& out) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  unpack_two_bits(block.qs, out.q);
  for (int g = 0; g < 16; ++g) {
    out.scale[g] = d * static_cast<float>(block.scales[g] & 15);
    out.minimum[g] = dmin * static_cast<float>(block.scales[g] >> 4);
  }
}

inline void unpack(const BlockQ3_K& block, Unpacked& out) {
  const float d = half_to_float(block.d);
  unpack_two_bits(block.qs, out.q);
  for (int s = 0; s < 8; ++s) {
    for (int i = 0; i < 32; ++i) {
      const int high = (block.hmask[i] >> s) & 1;
      out.q[32 * s + i] = static_cast<std::int8_t>(out.q[32 * s + i] - 4 + 4 * high);
    }
  }
  const auto scales = unpack_scales_q3(block.scales);
  for (int g = 0; g < 16; ++g) out.scale[g] = d * static_cast<float>(scales[g]);
}

inline void unpack(const BlockQ6_K& block, Unpacked& out) {
  const float d = half_to_float(block.d);
  for (int h = 0; h < 2; ++h) {
    for (int s = 0; s < 4; ++s) {
      for (int i = 0; i < 32; ++i) {
        const int low = (block.ql[64 * h + 32 * (s % 2) + i] >> (4 * (s / 2))) & 15;
        const int high = (block.qh[32 * h + i] >> (2 * s)) & 3;
        out.q[128 * h + 32 * s + i] = static_cast<std::int8_t>((low | (high << 4)) - 32);
      }
    }
  }
  for (int g = 0; g < 16; ++g) out.scale[g] = d * static_cast<float>(block.scales[g]);
}

}  // namespace
}  // namespace ceiling::cpu
