// The packed blocks of GGUF's quantised tensor types, as they lie in files (little-endian).
// Source: the public block layouts of the ggml project.
//
// In each comment `w[i]` is weight i of the block, `q[i]` its stored integer; `d`, `m`, `dmin` are
// halves (quant/half.h). Members are naturally aligned at 2 bytes at most, so a pointer into a
// mapped tensor (32-byte aligned start, even block sizes) can be read through these structs.
#pragma once

#include <array>
#include <cstdint>

namespace ceiling {

inline constexpr int kSmallBlock = 32;   // weights in a block of Q4_0 .. Q8_0 and IQ4_NL
inline constexpr int kSuperBlock = 256;  // weights in a block of the K types and IQ4_XS

// w[i] = d * (q[i] - 8). q[i] for i < 16: low nibble of qs[i]; for i >= 16: high nibble of
// qs[i-16].
struct BlockQ4_0 {
  std::uint16_t d;
  std::uint8_t qs[16];
};

// w[i] = d * q[i] + m. Nibbles as in Q4_0.
struct BlockQ4_1 {
  std::uint16_t d;
  std::uint16_t m;
  std::uint8_t qs[16];
};

// w[i] = d * (q[i] - 16). Low four bits as in Q4_0; fifth bit: bit i of the 32-bit qh.
struct BlockQ5_0 {
  std::uint16_t d;
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};

// w[i] = d * q[i] + m. Bits as in Q5_0.
struct BlockQ5_1 {
  std::uint16_t d;
  std::uint16_t m;
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};

// w[i] = d * qs[i].
struct BlockQ8_0 {
  std::uint16_t d;
  std::int8_t qs[32];
};

// 16 groups of 16 weights. Group g: scales[g] low nibble = scale, high nibble = minimum.
// w[i] = d * scale * q[i] - dmin * minimum.
// q[i], i = 128*h + 32*s + l: bits 2s, 2s+1 of qs[32*h + l].
struct BlockQ2_K {
  std::uint8_t scales[16];
  std::uint8_t qs[64];
  std::uint16_t d;
  std::uint16_t dmin;
};

// 16 groups of 16 weights. w[i] = d * (scale - 32) * q[i], q[i] in -4..3.
// Low two bits as in Q2_K; third bit of q[i] + 4: bit i/32 of hmask[i%32].
// Scale of group g, 6 bits: low four = nibble g/8 of scales[g%8]; high two = bits 2*(g/4) of
// scales[8 + g%4].
struct BlockQ3_K {
  std::uint8_t hmask[32];
  std::uint8_t qs[64];
  std::uint8_t scales[12];
  std::uint16_t d;
};

// 8 groups of 32 weights. w[i] = d * scale * q[i] - dmin * minimum.
// q[i], i = 64*p + 32*s + l: nibble s of qs[32*p + l].
// Scales and minimums of 6 bits: see unpack_scales.
struct BlockQ4_K {
  std::uint16_t d;
  std::uint16_t dmin;
  std::uint8_t scales[12];
  std::uint8_t qs[128];
};

// As Q4_K with a fifth bit: bit i/32 of qh[i%32].
struct BlockQ5_K {
  std::uint16_t d;
  std::uint16_t dmin;
  std::uint8_t scales[12];
  std::uint8_t qh[32];
  std::uint8_t qs[128];
};

// 16 groups of 16 weights. w[i] = d * scales[i/16] * (q[i] - 32), i = 128*h + 32*s + l (s = 0..3):
// low four bits: nibble s/2 of ql[64*h + 32*(s%2) + l]; high two: bits 2s, 2s+1 of qh[32*h + l].
struct BlockQ6_K {
  std::uint8_t ql[128];
  std::uint8_t qh[64];
  std::int8_t scales[16];
  std::uint16_t d;
};

// w[i] = d * kIq4Values[q[i]]. Nibbles as in Q4_0.
struct BlockIQ4_NL {
  std::uint16_t d;
  std::uint8_t qs[16];
};

// 8 groups of 32 weights. w[i] = d * (scale - 32) * kIq4Values[q[i]].
// Scale of group g, 6 bits: low four = nibble g%2 of scales_l[g/2]; high two = bits 2g of scales_h.
// Group g's nibbles: those of Q4_0 in qs[16*g ..].
struct BlockIQ4_XS {
  std::uint16_t d;
  std::uint16_t scales_h;
  std::uint8_t scales_l[4];
  std::uint8_t qs[128];
};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20);
static_assert(sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24);
static_assert(sizeof(BlockQ8_0) == 34 && sizeof(BlockIQ4_NL) == 18);
static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110);
static_assert(sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176);
static_assert(sizeof(BlockQ6_K) == 210 && sizeof(BlockIQ4_XS) == 136);

// The sixteen levels of the IQ4 types.
inline constexpr std::array<std::int8_t, 16> kIq4Values = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

struct GroupScales {
  std::array<std::uint8_t, 8> scale;
  std::array<std::uint8_t, 8> minimum;
};

// The 6-bit scales and minimums of Q4_K and Q5_K. Groups 0..3: low six bits of bytes g (scale) and
// 4 + g (minimum). Groups 4..7: low four bits from the nibbles of byte 4 + g, high two bits from
// the top of bytes g - 4 and g.
inline GroupScales unpack_scales(const std::uint8_t (&packed)[12]) {
  GroupScales out{};
  for (unsigned g = 0; g < 4; ++g) {
    const std::uint8_t a = packed[g];
    const std::uint8_t b = packed[4 + g];
    const std::uint8_t c = packed[8 + g];
    out.scale[g] = a & 63u;
    out.minimum[g] = b & 63u;
    out.scale[4 + g] = static_cast<std::uint8_t>((c & 15u) | ((a >> 6) << 4));
    out.minimum[4 + g] = static_cast<std::uint8_t>((c >> 4) | ((b >> 6) << 4));
  }
  return out;
}

inline void pack_scales(const GroupScales& in, std::uint8_t (&packed)[12]) {
  for (unsigned g = 0; g < 4; ++g) {
    packed[g] = static_cast<std::uint8_t>(in.scale[g] | ((in.scale[4 + g] >> 4) << 6));
    packed[4 + g] = static_cast<std::uint8_t>(in.minimum[g] | ((in.minimum[4 + g] >> 4) << 6));
    packed[8 + g] =
        static_cast<std::uint8_t>((in.scale[4 + g] & 15u) | ((in.minimum[4 + g] & 15u) << 4));
  }
}

// The sixteen 6-bit scales of Q3_K, with their offset of 32 taken off: -32..31.
inline std::array<std::int8_t, 16> unpack_scales_q3(const std::uint8_t (&packed)[12]) {
  std::array<std::int8_t, 16> out{};
  for (unsigned g = 0; g < 16; ++g) {
    const unsigned low = (packed[g % 8] >> (4 * (g / 8))) & 15u;
    const unsigned high = (packed[8 + g % 4] >> (2 * (g / 4))) & 3u;
    out[g] = static_cast<std::int8_t>(static_cast<int>(low | (high << 4)) - 32);
  }
  return out;
}

inline void pack_scales_q3(const std::array<std::int8_t, 16>& in, std::uint8_t (&packed)[12]) {
  for (auto& byte : packed) byte = 0;
  for (unsigned g = 0; g < 16; ++g) {
    const auto stored = static_cast<unsigned>(in[g] + 32);
    packed[g % 8] = static_cast<std::uint8_t>(packed[g % 8] | ((stored & 15u) << (4 * (g / 8))));
    packed[8 + g % 4] =
        static_cast<std::uint8_t>(packed[8 + g % 4] | ((stored >> 4) << (2 * (g / 4))));
  }
}

}  // namespace ceiling
