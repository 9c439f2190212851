// NEON lanes for strips of 8 rows, in two registers (kernels/strips.h).
#pragma once

#include "device/cpu/kernels/neon/simd.h"
#include "device/cpu/kernels/tile_out.h"

namespace ceiling::cpu {
namespace {

struct Lanes8 {
  static constexpr std::size_t kRows = 8;
  static constexpr std::size_t kSteps = 8;
  struct Ints {
    int32x4_t a, b;
  };
  struct Floats {
    float32x4_t a, b;
  };
  static Ints load(const void* p) {
    const auto* from = static_cast<const std::int32_t*>(p);
    return {vld1q_s32(from), vld1q_s32(from + 4)};
  }
  static Floats load(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
  static Ints zero() { return {vdupq_n_s32(0), vdupq_n_s32(0)}; }
  static Floats broadcast(float value) { return {vdupq_n_f32(value), vdupq_n_f32(value)}; }

  // Four signed columns of one row of weights by those of each row of activations.
  static Ints dot(const Ints& sums, std::int32_t four_weights, const Ints& x) {
    const int8x16_t w = vreinterpretq_s8_s32(vdupq_n_s32(four_weights));
    return {vdotq_s32(sums.a, w, vreinterpretq_s8_s32(x.a)),
            vdotq_s32(sums.b, w, vreinterpretq_s8_s32(x.b))};
  }
  static Floats to_float(const Ints& value) {
    return {vcvtq_f32_s32(value.a), vcvtq_f32_s32(value.b)};
  }
  static Floats as_floats(const Ints& value) {
    return {vreinterpretq_f32_s32(value.a), vreinterpretq_f32_s32(value.b)};
  }
  // a * b + c
  static Floats multiply_add(const Floats& a, float b, const Floats& c) {
    return {vfmaq_n_f32(c.a, a.a, b), vfmaq_n_f32(c.b, a.b, b)};
  }
  static Floats multiply_add_each(const Floats& a, const Floats& b, const Floats& c) {
    return {vfmaq_f32(c.a, a.a, b.a), vfmaq_f32(c.b, a.b, b.b)};
  }

  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t count, std::uint32_t* out) {
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t s = 0; s < count; ++s) {
        std::uint32_t step = 0;
        if (r < rows) std::memcpy(&step, x + r * x_pitch + 4 * s, sizeof step);
        out[s * kRows + r] = step;
      }
    }
  }

  template <int rows>
  static void store_tile(const Floats (&total)[rows], const TileOut& out) {
    float values[rows][kRows];
    for (int r = 0; r < rows; ++r) {
      vst1q_f32(values[r], total[r].a);
      vst1q_f32(values[r] + 4, total[r].b);
    }
    for (std::size_t i = 0; i < out.activations; ++i) {
      float* y = out.y + i * out.pitch;
      for (std::size_t r = 0; r < out.rows; ++r) {
        y[r] = out.add ? y[r] + values[r][i] : values[r][i];
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
