// Steps of a product with work added by the lab (MatMul's Trial): the same sums, more reads or more
// arithmetic.
#pragma once

#include <cmath>

#include "device/cpu/kernels/rows.h"

namespace ceiling::cpu {
namespace {

// Shares of a step are handed out in parts of 2^16, so that doses below one step in hundreds count.
class AddedWork {
 public:
  AddedWork(const Trial& trial, const Product& product)
      : repeats_(static_cast<std::uint64_t>(std::llround(trial.arithmetic * kWhole))),
        extra_(reinterpret_cast<Address>(trial.extra)),
        extra_bytes_(trial.extra_bytes),
        at_(trial.at) {
    const std::size_t weights = (product.row_end - product.row_begin) * product.row_bytes;
    if (weights > 0 && extra_bytes_ > 0) extra_of_byte_ = trial.amount * kWhole / weights;
  }

  template <int n, typename Row, typename Group, typename Sums>
  void step(const Row& kernel, Address w, const Group* const* x, Sums& sums) const {
    for (repeats_due_ += repeats_; repeats_due_ >= kWhole; repeats_due_ -= kWhole) {
      Sums discarded;
      kernel.template step<n>(w, x, discarded);
      // The compiler must take the sums for used, and what they came from for changed.
      asm volatile("" : : "r"(&discarded) : "memory");
    }
    for (bytes_due_ += Row::kBytes * extra_of_byte_; bytes_due_ >= kLine * kWhole;
         bytes_due_ -= kLine * kWhole) {
      read_line();
    }
    kernel.template step<n>(w, x, sums);
  }

 private:
  static constexpr std::uint64_t kWhole = 1 << 16;
  static constexpr std::size_t kLine = 64;

  // One load brings the line.
  void read_line() const {
    std::uint64_t word;
    std::memcpy(&word, extra_ + at_, sizeof word);
    asm volatile("" : : "r"(word));
    at_ += kLine;
    if (at_ >= extra_bytes_) at_ = 0;
  }

  std::uint64_t repeats_ = 0, extra_of_byte_ = 0;  // in parts of kWhole
  Address extra_ = nullptr;
  std::size_t extra_bytes_ = 0;
  mutable std::size_t at_ = 0;
  mutable std::uint64_t repeats_due_ = 0, bytes_due_ = 0;
};

}  // namespace
}  // namespace ceiling::cpu
