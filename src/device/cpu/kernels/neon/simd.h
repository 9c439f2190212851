// What the NEON kernels share. Internal linkage, as all headers of kernels.
#pragma once

#include <arm_neon.h>

#include "device/cpu/kernels/stream.h"

namespace ceiling::cpu {
namespace {

inline int8x16_t as_signed(uint8x16_t bytes) { return vreinterpretq_s8_u8(bytes); }

// Sixteen products, added to sums of four each.
inline int32x4_t dot(int32x4_t sums, int8x16_t weights, const std::int8_t* x) {
  return vdotq_s32(sums, weights, vld1q_s8(x));
}
inline int32x4_t dot(int8x16_t weights, const std::int8_t* x) {
  return dot(vdupq_n_s32(0), weights, x);
}

inline float half_at(Address p) {
  return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(load16(p)))), 0);
}

struct Simd128 {
  using Vector = float32x4_t;
  static constexpr int kSummed = 4;
  static constexpr int kFloatStreams = 2;
  static constexpr int kLongFloatStreams = 4;
  static constexpr std::size_t kLanes = 4;
  static Vector zero() { return vdupq_n_f32(0); }
  static Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
  static Vector load(const float* x) { return vld1q_f32(x); }
  static Vector load_some(const float* x, std::size_t count) {
    float lanes[kLanes] = {};
    std::memcpy(lanes, x, count * sizeof(float));
    return vld1q_f32(lanes);
  }

  // sums[r]: the sum of the lanes of v[r], each by the same tree of additions.
  static void sum_each(const Vector* v, float* sums) {
    vst1q_f32(sums, vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3])));
  }
};

}  // namespace
}  // namespace ceiling::cpu
