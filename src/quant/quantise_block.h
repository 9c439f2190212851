// Quantisation of one block of each type. Internal to quantise*.cc.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "quant/blocks.h"
#include "quant/half.h"

namespace ceiling::quantising {

// in: the block's finite weights; importance: of each, non-negative and finite, or nullptr.
void encode(const float* in, const float* importance, BlockQ4_0& out);
void encode(const float* in, const float* importance, BlockQ4_1& out);
void encode(const float* in, const float* importance, BlockQ5_0& out);
void encode(const float* in, const float* importance, BlockQ5_1& out);
void encode(const float* in, const float* importance, BlockQ8_0& out);
void encode(const float* in, const float* importance, BlockIQ4_NL& out);
void encode(const float* in, const float* importance, BlockQ2_K& out);
void encode(const float* in, const float* importance, BlockQ3_K& out);
void encode(const float* in, const float* importance, BlockQ4_K& out);
void encode(const float* in, const float* importance, BlockQ5_K& out);
void encode(const float* in, const float* importance, BlockQ6_K& out);
void encode(const float* in, const float* importance, BlockIQ4_XS& out);

// The half nearest to `value`, the largest finite one beyond the range.
inline std::uint16_t finite_half(float value) {
  return float_to_half(std::clamp(value, -65504.0f, 65504.0f));
}

// The half `step` (-1, 0, 1) steps of magnitude away; the same where there is none.
inline std::uint16_t neighbour(std::uint16_t half, int step) {
  const int magnitude = (half & 0x7fff) + step;
  if (magnitude < 0 || magnitude > 0x7bff) return half;
  return static_cast<std::uint16_t>((half & 0x8000) | magnitude);
}

// Weights scaled so that the largest is 1, with their importances so that the mean is 1.
struct Group {
  const float* x;
  const float* w;
  float unit;  // x * unit is the weight itself
};

template <int n>
class Normalised {
 public:
  Normalised(const float* in, const float* importance) {
    float largest = 0;
    float total = 0;
    for (int i = 0; i < n; ++i) {
      largest = std::max(largest, std::abs(in[i]));
      if (importance != nullptr) total += importance[i] / n;
    }
    const bool vanishing = largest < kLeast;
    if (!vanishing) unit_ = largest;
    const bool weighted = total >= kLeast && std::isfinite(total);
    for (int i = 0; i < n; ++i) {
      x_[i] = vanishing ? 0.0f : in[i] / unit_;
      w_[i] = weighted ? importance[i] / total + kFloor : 1.0f;
    }
  }
  Group group(int first) const { return {x_ + first, w_ + first, unit_}; }
  float unit() const { return unit_; }

 private:
  // Far below the least half: such weights become zero in every type.
  static constexpr float kLeast = 1e-20f;
  // Columns without importance still count a little: a calibration text does not see everything.
  static constexpr float kFloor = 1e-5f;
  alignas(16) float x_[n];
  alignas(16) float w_[n];
  float unit_ = 1;
};

}  // namespace ceiling::quantising
