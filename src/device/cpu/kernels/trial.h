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
        at_(trial.at * kWhole) {
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
    if (extra_bytes_ != 0) read<Row::kBytes>();
    kernel.template step<n>(w, x, sums);
  }

 private:
  static constexpr std::uint64_t kWhole = 1 << 16;
  static constexpr std::size_t kLine = 64;

  // Moves on by the dose and fetches each line that this enters. Fetching, since a load would hold
  // up all that follows until its line has come, which no stream of weights does (on Zen 5 a tenth
  // more bytes then cost a third more time). Every step fetches the same number of lines at a
  // dose of nothing too: no branch depends on the dose, and no instruction is added by it.
  template <std::size_t bytes>
  void read() const {
    const std::uint64_t due = bytes * extra_of_byte_;
    const std::size_t lines = (due / kWhole + kLine) / kLine;
    std::size_t line = at_ / kWhole / kLine * kLine;
    for (std::size_t i = 0; i < lines; ++i) {
      __builtin_prefetch(extra_ + line);
      line = line + kLine < extra_bytes_ ? line + kLine : 0;
    }
    at_ += due;
    if (at_ >= extra_bytes_ * kWhole) at_ -= extra_bytes_ * kWhole;
  }

  std::uint64_t repeats_ = 0, extra_of_byte_ = 0;  // in parts of kWhole
  Address extra_ = nullptr;
  std::size_t extra_bytes_ = 0;
  mutable std::uint64_t at_ = 0;  // of the memory read besides, in parts of kWhole
  mutable std::uint64_t repeats_due_ = 0;
};

}  // namespace
}  // namespace ceiling::cpu
