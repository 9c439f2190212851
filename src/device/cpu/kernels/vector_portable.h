// Eight floats by the compiler's vector extension, for any processor.
#pragma once

#include <cstdint>
#include <cstring>

#include "quant/half.h"

namespace ceiling::cpu {
namespace {

typedef float Floats __attribute__((vector_size(32)));
typedef std::uint32_t Bits __attribute__((vector_size(32)));
constexpr std::size_t kLanes = 8;
constexpr std::size_t kTileVectors = 2;  // columns of a register tile, in vectors

inline Floats load(const float* p) {
  Floats v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Floats v) { std::memcpy(p, &v, sizeof v); }
inline Floats broadcast(float x) { return Floats{} + x; }
inline Floats fused(Floats a, Floats b, Floats c) { return a * b + c; }
inline Floats load_elements(const float* p) { return load(p); }
inline Floats load_elements(const std::uint16_t* p) {
  Floats v;
  for (std::size_t i = 0; i < kLanes; ++i) v[i] = half_to_float(p[i]);
  return v;
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
