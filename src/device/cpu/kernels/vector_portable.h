// Four floats by the compiler's vector extension, for any processor.
#pragma once

#include <cstdint>
#include <cstring>

#include "quant/half.h"

namespace ceiling::cpu {
namespace {

typedef float Floats __attribute__((vector_size(16)));
typedef std::uint32_t Bits __attribute__((vector_size(16)));
constexpr std::size_t kLanes = 4;
constexpr std::size_t kTileVectors = 2;  // columns of a register tile, in vectors

inline Floats load(const float* p) {
  Floats v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Floats v) { std::memcpy(p, &v, sizeof v); }
inline Floats broadcast(float x) { return Floats{} + x; }
inline Floats fused(Floats a, Floats b, Floats c) { return a * b + c; }
inline Floats load_elements(const std::int8_t* p) {
  return Floats{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]),
                static_cast<float>(p[3])};
}
// As half_to_float, all lanes at once: the magnitude scaled from half's exponents to float's is
// exact, subnormals included.
inline Floats load_elements(const std::uint16_t* p) {
  const Bits half = {p[0], p[1], p[2], p[3]};
  const Bits magnitude = half & 0x7fffU;
  const Floats scaled = __builtin_bit_cast(Floats, magnitude << 13) * broadcast(0x1p112F);
  const Bits not_finite = __builtin_bit_cast(Bits, magnitude > 0x7bffU) & 0x7f800000U;
  return __builtin_bit_cast(Floats,
                            __builtin_bit_cast(Bits, scaled) | not_finite | (half & 0x8000U) << 16);
}
inline Floats broadcast_half(std::uint16_t half) {
  const std::uint16_t lanes[kLanes] = {half, half, half, half};
  return load_elements(lanes);
}
inline void store_half(std::uint16_t* p, Floats v) {
  for (std::size_t i = 0; i < kLanes; ++i) p[i] = float_to_half(v[i]);
}
inline Floats minimum(Floats a, Floats b) { return a < b ? a : b; }
inline Floats maximum(Floats a, Floats b) { return a > b ? a : b; }
inline float total(Floats v) {
  float sum = 0;
  for (std::size_t i = 0; i < kLanes; ++i) sum += v[i];
  return sum;
}
inline float largest(Floats v) {
  float most = v[0];
  for (std::size_t i = 1; i < kLanes; ++i) most = v[i] > most ? v[i] : most;
  return most;
}

}  // namespace
}  // namespace ceiling::cpu
