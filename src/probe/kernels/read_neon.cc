#include <arm_neon.h>

#include "probe/read_kernel.h"

namespace ceiling::probe {
namespace {

constexpr std::size_t kVector = 16;

// `Streams` quarters (or all) of the range are read side by side, `Unroll` vectors of each at a
// time.
template <std::size_t Streams, std::size_t Unroll>
std::uint64_t read(const std::byte* data, std::size_t bytes) {
  constexpr std::size_t kSums = Streams * Unroll;
  uint64x2_t sums[kSums];
  for (uint64x2_t& sum : sums) sum = vdupq_n_u64(0);
  const std::size_t stream = bytes / Streams;
  for (std::size_t i = 0; i < stream; i += kVector * Unroll) {
    for (std::size_t s = 0; s < Streams; ++s) {
      for (std::size_t k = 0; k < Unroll; ++k) {
        const auto* from =
            reinterpret_cast<const std::uint8_t*>(data + s * stream + i + k * kVector);
        uint64x2_t& sum = sums[s * Unroll + k];
        sum = vaddq_u64(sum, vreinterpretq_u64_u8(vld1q_u8(from)));
      }
    }
  }
  uint64x2_t all = sums[0];
  for (std::size_t k = 1; k < kSums; ++k) all = vaddq_u64(all, sums[k]);
  return vaddvq_u64(all);
}

}  // namespace

std::uint64_t read_neon(const std::byte* data, std::size_t bytes) {
  return read<1, 16>(data, bytes);
}
std::uint64_t read_neon_x4(const std::byte* data, std::size_t bytes) {
  return read<4, 4>(data, bytes);
}

}  // namespace ceiling::probe
