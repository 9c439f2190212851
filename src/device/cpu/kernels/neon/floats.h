// F32, F16 and BF16 weights as float32.
#pragma once

#include "device/cpu/kernels/neon/simd.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

// The first `count` (1..4) weights; nothing beyond them is read, and the rest is zero.
template <typename Stored>
inline float32x4_t load_first(Address w, std::size_t count) {
  std::uint8_t bytes[4 * Stored::kBytes] = {};
  std::memcpy(bytes, w, count * Stored::kBytes);
  return Stored::load(bytes);
}

struct StoredF32 {
  using Simd = Simd128;
  static constexpr std::size_t kBytes = 4;
  static float32x4_t load(Address w) { return vreinterpretq_f32_u8(vld1q_u8(w)); }
  static float32x4_t load_some(Address w, std::size_t count) {
    return load_first<StoredF32>(w, count);
  }
};
struct StoredF16 {
  using Simd = Simd128;
  static constexpr std::size_t kBytes = 2;
  static float32x4_t load(Address w) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(w))); }
  static float32x4_t load_some(Address w, std::size_t count) {
    return load_first<StoredF16>(w, count);
  }
};
struct StoredBF16 {
  using Simd = Simd128;
  static constexpr std::size_t kBytes = 2;
  static float32x4_t load(Address w) {
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(w)), 16));
  }
  static float32x4_t load_some(Address w, std::size_t count) {
    return load_first<StoredBF16>(w, count);
  }
};

}  // namespace
}  // namespace ceiling::cpu
