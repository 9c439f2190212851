// The stored integers of a group's weights, and their packing: the layouts are in quant/blocks.h.
// Internal linkage, as lanes.h.
#pragma once

#include <cstdint>
#include <cstring>

#include "quant/level_fit.h"

namespace ceiling::quantising {
namespace {

// n weights (a multiple of 16) of one group; the nearest level of each to (in - offset) / scale.
template <typename Levels>
void encode_codes(const float* in, int n, float scale, float offset, std::uint8_t* codes) {
  const Lanes inverse = inverse_of(splat(scale));
  for (int i = 0; i < n; i += kLanes) {
    float code[kLanes];
    const Lanes nearest = Levels::codes((load(in + i) - offset) * inverse);
    std::memcpy(code, nearest.part, sizeof code);
    for (int k = 0; k < kLanes; ++k) codes[i + k] = static_cast<std::uint8_t>(code[k]);
  }
}

inline void pack_nibbles(const std::uint8_t* codes, std::uint8_t* qs) {
  for (int i = 0; i < 16; ++i) {
    qs[i] = static_cast<std::uint8_t>((codes[i] & 15) | ((codes[i + 16] & 15) << 4));
  }
}

inline void pack_fifth_bits(const std::uint8_t* codes, std::uint8_t (&qh)[4]) {
  for (int byte = 0; byte < 4; ++byte) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) bits |= static_cast<unsigned>(codes[8 * byte + i] >> 4) << i;
    qh[byte] = static_cast<std::uint8_t>(bits);
  }
}

// Adds `bits` to a byte at a shift.
inline void put(std::uint8_t& byte, int bits, int shift) {
  byte = static_cast<std::uint8_t>(byte | (bits << shift));
}

inline void pack_two_bits(const std::uint8_t* codes, std::uint8_t (&qs)[64]) {
  for (int i = 0; i < kSuperBlock; ++i) {
    put(qs[32 * (i / 128) + i % 32], codes[i] & 3, 2 * (i / 32 % 4));
  }
}

inline void pack_four_bits(const std::uint8_t* codes, std::uint8_t (&qs)[128]) {
  for (int i = 0; i < kSuperBlock; ++i) {
    put(qs[32 * (i / 64) + i % 32], codes[i] & 15, 4 * (i / 32 % 2));
  }
}

}  // namespace
}  // namespace ceiling::quantising
