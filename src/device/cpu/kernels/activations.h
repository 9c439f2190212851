// Activations of quantised products in their plain form (Preparation::q8): int8 in column order, a
// float32 scale for each 32 columns, and the sum of each 16. Internal linkage, as unpack.h.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ceiling::cpu {
namespace {

constexpr std::size_t kScaled = 32;  // columns that share a scale

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// One prepared row: [cols] q, [cols / 32] scale, [cols / 16] sum; cols is a multiple of 32.
struct PlainRow {
  const std::int8_t* q;
  const float* scale;
  const std::int16_t* sum;  // of 16 columns each

  PlainRow(const std::byte* prepared, std::size_t cols)
      : q(reinterpret_cast<const std::int8_t*>(prepared)),
        scale(reinterpret_cast<const float*>(prepared + cols)),
        sum(reinterpret_cast<const std::int16_t*>(prepared + cols + cols / kScaled * 4)) {}
  static std::size_t bytes(std::size_t cols) { return round_up(cols + cols / 4, 64); }
};

// Rounds 32 columns to the nearest of 255 levels: x[i] ~ scale * q[i]. Returns the scale. All
// instruction sets do exactly this arithmetic, so that they give the same integers.
inline float quantise_32(const float* x, std::int8_t* q) {
  float largest = 0;
  for (std::size_t i = 0; i < kScaled; ++i) largest = std::fmax(largest, std::fabs(x[i]));
  const float inverse = largest > 0 ? 127.0F / largest : 0.0F;
  // Below about 4e-37 the inverse overflows; such columns count as zero.
  const float usable = std::isfinite(inverse) ? inverse : 0.0F;
  for (std::size_t i = 0; i < kScaled; ++i) {
    q[i] = static_cast<std::int8_t>(std::lrint(x[i] * usable));
  }
  return largest / 127.0F;
}

}  // namespace
}  // namespace ceiling::cpu
