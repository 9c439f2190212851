#include <arm_neon.h>

#include "probe/compute_kernel.h"

namespace ceiling::probe {

std::uint64_t int8_neon_i8mm(std::uint64_t iterations) {
  constexpr int kSums = 16;
  const int8x16_t one = vdupq_n_s8(1);
  int32x4_t sums[kSums];
  for (int32x4_t& sum : sums) sum = vdupq_n_s32(0);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (int32x4_t& sum : sums) sum = vmmlaq_s32(sum, one, one);
  }
  std::uint64_t total = 0;
  for (const int32x4_t& sum : sums) total += static_cast<std::uint64_t>(vaddlvq_s32(sum));
  return total;
}

}  // namespace ceiling::probe
