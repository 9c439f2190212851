// Four floats in an AArch64 register.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ceiling::cpu {
namespace {

using Floats = float32x4_t;
typedef std::uint32_t Bits __attribute__((vector_size(16)));
constexpr std::size_t kLanes = 4;
constexpr std::size_t kTileVectors = 4;  // columns of a register tile, in vectors

inline Floats load(const float* p) { return vld1q_f32(p); }
inline void store(float* p, Floats v) { vst1q_f32(p, v); }
inline Floats broadcast(float x) { return vdupq_n_f32(x); }
inline Floats fused(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
inline Floats load_elements(const std::int8_t* p) {
  std::uint32_t four;
  std::memcpy(&four, p, sizeof four);
  const int16x8_t wide = vmovl_s8(vcreate_s8(four));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}
inline Floats load_elements(const std::uint16_t* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
inline Floats broadcast_half(std::uint16_t half) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(half)));
}
inline void store_half(std::uint16_t* p, Floats v) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v)));
}
inline Floats minimum(Floats a, Floats b) { return vminq_f32(a, b); }
inline Floats maximum(Floats a, Floats b) { return vmaxq_f32(a, b); }
inline float total(Floats v) { return vaddvq_f32(v); }
inline float largest(Floats v) { return vmaxvq_f32(v); }

}  // namespace
}  // namespace ceiling::cpu
