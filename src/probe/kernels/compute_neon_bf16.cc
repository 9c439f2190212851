#include <arm_neon.h>

#include "probe/compute_kernel.h"

namespace ceiling::probe {

std::uint64_t bf16_neon(std::uint64_t iterations) {
  constexpr int kSums = 16;
  std::uint16_t one_bits = 0x3f80;    // 1.0 as bfloat16
  asm volatile("" : "+r"(one_bits));  // GCC 12 takes the constant for a half-precision 1.0
  const bfloat16x8_t one = vreinterpretq_bf16_u16(vdupq_n_u16(one_bits));
  float32x4_t sums[kSums];
  for (float32x4_t& sum : sums) sum = vdupq_n_f32(0);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (float32x4_t& sum : sums) sum = vbfmmlaq_f32(sum, one, one);
  }
  std::uint64_t total = 0;
  for (const float32x4_t& sum : sums) {
    float lanes[4];
    vst1q_f32(lanes, sum);
    for (const float lane : lanes) total += static_cast<std::uint64_t>(lane);
  }
  return total;
}

}  // namespace ceiling::probe
