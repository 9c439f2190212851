// Rows of F32, F16 and BF16 weights times float32 activations.
#pragma once

#include "device/cpu/kernels/neon/simd.h"

namespace ceiling::cpu {
namespace {

struct StoredF32 {
  static constexpr std::size_t kBytes = 4;
  static float32x4_t load(Address w) { return vreinterpretq_f32_u8(vld1q_u8(w)); }
};
struct StoredF16 {
  static constexpr std::size_t kBytes = 2;
  static float32x4_t load(Address w) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(w))); }
};
struct StoredBF16 {
  static constexpr std::size_t kBytes = 2;
  static float32x4_t load(Address w) {
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(w)), 16));
  }
};

// The first `count` (1..4) weights; nothing beyond them is read, and the rest is zero.
template <typename Stored>
inline float32x4_t load_some(Address w, std::size_t count) {
  std::uint8_t bytes[4 * Stored::kBytes] = {};
  std::memcpy(bytes, w, count * Stored::kBytes);
  return Stored::load(bytes);
}

constexpr std::size_t kFloatStep = 16;

struct FloatGroup {
  static constexpr std::size_t kColumns = kFloatStep;
  float x[kFloatStep];
};

template <int n>
struct FloatSums {
  float32x4_t part[n][4];
  FloatSums() {
    for (auto& parts : part) {
      for (auto& sum : parts) sum = vdupq_n_f32(0);
    }
  }
  float32x4_t lanes(int i) const {
    return vaddq_f32(vaddq_f32(part[i][0], part[i][1]), vaddq_f32(part[i][2], part[i][3]));
  }
};

template <typename Stored>
struct FloatRow {
  using Simd = Simd128;
  using Group = FloatGroup;
  template <int n>
  using Sums = FloatSums<n>;
  static constexpr std::size_t kColumns = kFloatStep;
  static constexpr std::size_t kBytes = kFloatStep * Stored::kBytes;
  static constexpr int kStreams = 2;
  static constexpr int kLongStreams = 4;

  template <int n>
  void step(Address w, const Group* const* x, Sums<n>& sums) const {
    prefetch_stream<kBytes>(w);
    for (std::size_t k = 0; k < 4; ++k) {
      const float32x4_t weights = Stored::load(w + 4 * k * Stored::kBytes);
      for (int i = 0; i < n; ++i) {
        sums.part[i][k] = vfmaq_f32(sums.part[i][k], weights, vld1q_f32(x[i]->x + 4 * k));
      }
    }
  }
  template <int n>
  void last(Address w, std::size_t columns, const Group* const* x, Sums<n>& sums) const {
    for (std::size_t c = 0; c < columns; c += 4) {
      const std::size_t count = smaller(columns - c, 4);
      const float32x4_t weights = load_some<Stored>(w + c * Stored::kBytes, count);
      for (int i = 0; i < n; ++i) {
        const float32x4_t activations =
            load_some<StoredF32>(reinterpret_cast<Address>(x[i]->x + c), count);
        sums.part[i][c / 4] = vfmaq_f32(sums.part[i][c / 4], weights, activations);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
