// Steps of a product with work added by the lab (MatMul's Trial): the same sums, more reads or more
// arithmetic.
#pragma once

#include "device/cpu/kernels/rows.h"

namespace ceiling::cpu {
namespace {

class AddedWork {
 public:
  AddedWork() = default;
  explicit AddedWork(const Trial& trial)
      : repeats_(trial.arithmetic),
        extra_(reinterpret_cast<Address>(trial.extra)),
        extra_bytes_(trial.extra_bytes) {}

  template <int n, typename Row, typename Group, typename Sums>
  void step(const Row& kernel, Address w, const Group* const* x, Sums& sums) const {
    for (std::uint32_t i = 1; i < repeats_; ++i) {
      Sums discarded;
      kernel.template step<n>(w, x, discarded);
      // The compiler must take the sums for used, and what they came from for changed.
      asm volatile("" : : "r"(&discarded) : "memory");
    }
    if (extra_bytes_ >= Row::kBytes) read_extra(Row::kBytes);
    kernel.template step<n>(w, x, sums);
  }

 private:
  // One load in each cache line brings the line.
  void read_extra(std::size_t bytes) const {
    if (at_ + bytes > extra_bytes_) at_ = 0;
    for (std::size_t i = 0; i < bytes; i += 64) {
      std::uint64_t word;
      std::memcpy(&word, extra_ + at_ + smaller(i, bytes - sizeof word), sizeof word);
      asm volatile("" : : "r"(word));
    }
    at_ += bytes;
  }

  std::uint32_t repeats_ = 1;
  Address extra_ = nullptr;
  std::size_t extra_bytes_ = 0;
  mutable std::size_t at_ = 0;
};

}  // namespace
}  // namespace ceiling::cpu
