#include <arm_neon.h>

#include "probe/compute_kernel.h"

namespace ceiling::probe {
namespace {

constexpr int kSums = 16;  // enough chains to hide a latency of 4 on four units

}  // namespace

std::uint64_t f32_neon(std::uint64_t iterations) {
  const float32x4_t one = vdupq_n_f32(1);
  float32x4_t sums[kSums];
  for (float32x4_t& sum : sums) sum = vdupq_n_f32(0);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (float32x4_t& sum : sums) sum = vfmaq_f32(sum, one, one);
  }
  std::uint64_t total = 0;
  for (const float32x4_t& sum : sums) {
    float lanes[4];
    vst1q_f32(lanes, sum);
    for (const float lane : lanes) total += static_cast<std::uint64_t>(lane);
  }
  return total;
}

std::uint64_t int8_neon(std::uint64_t iterations) {
  const int8x16_t one = vdupq_n_s8(1);
  int32x4_t sums[kSums];
  for (int32x4_t& sum : sums) sum = vdupq_n_s32(0);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (int32x4_t& sum : sums) sum = vdotq_s32(sum, one, one);
  }
  std::uint64_t total = 0;
  for (const int32x4_t& sum : sums) total += static_cast<std::uint64_t>(vaddlvq_s32(sum));
  return total;
}

}  // namespace ceiling::probe
