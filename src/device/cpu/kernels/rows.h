// The order of work for one and a few rows of activations, whatever the type and the instruction
// set: the weights stream by once, and each decoded block meets all activations.
//
// A Row gives:
//   Simd                    the registers: Vector, zero(), sum_each() of kSummed vectors
//   Group                   kColumns columns of prepared activations
//   Sums<n>                 sums of a row of weights by n rows of activations; lanes(i) at the end
//   kColumns, kBytes        of a step
//   kStreams, kLongStreams  rows read side by side; where activations do not fit the nearest cache
//   step<n>(w, x, sums)     one step; last<n>(w, columns, x, sums) for fewer columns at the end
#pragma once

#include <algorithm>
#include <utility>

#include "device/cpu/kernels/kernel_set.h"
#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/stream.h"

namespace ceiling::cpu {
namespace {

// Bytes of activations that stay in the first-level cache beside many streams of weights; so few
// that they stay whatever streams by.
constexpr std::size_t kNearestCache = 12 << 10;
constexpr std::size_t kAlwaysNear = 8 << 10;

// F32, F16 and BF16 weights.
template <typename Row>
constexpr bool kFloatWeights = Row::kBytes >= 2 * Row::kColumns;

struct NoTrial {
  template <int n, typename Row, typename Group, typename Sums>
  void step(const Row& kernel, Address w, const Group* const* x, Sums& sums) const {
    kernel.template step<n>(w, x, sums);
  }
};

// Rows of weights by n rows of activations. The rows of a call are divided into `streams` parts of
// equal length that are read side by side, a step of each in turn: several streams of ascending
// addresses, far apart, keep more requests to memory in flight than one does.
//
// Every step is taken through a Trial, which the lab uses to add work without changing results
// (kernels/trial.h).
template <typename Row, int n, int streams, Fetch fetch, typename Trial = NoTrial>
class RowsProduct {
 public:
  // Up to n rows of activations from `first` on; what is missing of n repeats the last.
  RowsProduct(const Product& product, std::size_t first, const Trial& trial = Trial())
      : p_(product), first_(first), count_(smaller(p_.n - first, n)), trial_(trial) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = first + smaller(i, count_ - 1);
      x_[i] = reinterpret_cast<const Group*>(p_.prepared + row * p_.prepared_pitch);
    }
  }

  // Rows begin + part * s .. of stream s, for `part` rows each.
  void run(std::size_t begin, std::size_t part) const {
    Vector lanes[Simd::kSummed];  // where rows are missing, what was there before
    for (auto& sum : lanes) sum = Simd::zero();
    for (std::size_t row = 0; row < part; row += kTogether) {
      const std::size_t count = smaller(part - row, kTogether);
      for (std::size_t r = 0; r < count; ++r) one_of_each(begin + row + r, part, lanes + r);
      alignas(64) float sums[Simd::kSummed];
      Simd::sum_each(lanes, sums);
      for (std::size_t i = 0; i < n && i < count_; ++i) {
        for (std::size_t s = 0; s < streams; ++s) {
          float* y = p_.y + (first_ + i) * p_.y_pitch + begin + s * part + row;
          for (std::size_t r = 0; r < count; ++r) {
            y[r] = sums[(i * streams + s) * kTogether + r];
          }
        }
      }
    }
  }

 private:
  using Simd = typename Row::Simd;
  using Vector = typename Simd::Vector;
  using Group = typename Row::Group;
  using Sums = typename Row::template Sums<n>;
  // Rows of a stream whose lanes are summed at once.
  static constexpr std::size_t kTogether = Simd::kSummed / (n * streams);
  static_assert(kTogether > 0);

  // Row `row` and those `part` rows further on; the sums of stream s and activations i go to
  // lanes[(i * streams + s) * kTogether].
  [[gnu::flatten]] void one_of_each(std::size_t row, std::size_t part, Vector* lanes) const {
    Address w[streams];
    for (int s = 0; s < streams; ++s) {
      w[s] = reinterpret_cast<Address>(p_.weights) +
             (row + static_cast<std::size_t>(s) * part) * p_.row_bytes;
    }
    const Group* x[n];
    for (int i = 0; i < n; ++i) x[i] = x_[i];
    Sums sums[streams];
    for (std::size_t c = Row::kColumns; c <= p_.cols; c += Row::kColumns) {
      [&]<std::size_t... s>(std::index_sequence<s...>) __attribute__((always_inline)) {
        (step(w[s], x, sums[s]), ...);
      }(std::make_index_sequence<streams>());
      for (auto& group : x) ++group;
    }
    const std::size_t rest = p_.cols % Row::kColumns;
    for (int s = 0; s < streams; ++s) {
      if (rest != 0) {
        prefetch<fetch, 64>(w[s]);
        kernel_.template last<n>(w[s], rest, x, sums[s]);
      }
      for (int i = 0; i < n; ++i) {
        lanes[static_cast<std::size_t>(i * streams + s) * kTogether] = sums[s].lanes(i);
      }
    }
  }

  // A step of one stream.
  [[gnu::always_inline]] void step(Address& w, const Group* const* x, Sums& sums) const {
    prefetch<fetch, Row::kBytes>(w);
    trial_.template step<n>(kernel_, w, x, sums);
    w += Row::kBytes;
    // Each stream reads the activations anew, from the nearest cache: many rows of them do not
    // stay in registers, and the compiler would write them all to the stack to have them there.
    if constexpr (n >= 2) asm volatile("" : : : "memory");
  }

  const Product& p_;
  std::size_t first_, count_;
  const Group* x_[n];
  Row kernel_;
  Trial trial_;
};

// Rows of weights beside each other are an odd number of rows apart: at an even distance they often
// start at the same place of a page, and then meet in the same sets of the nearest cache and cross
// into new pages all at once.
template <typename Row, int n, int streams, Fetch fetch, typename Trial = NoTrial>
void rows_times(const Product& p, std::size_t first, const Trial& trial = Trial()) {
  const RowsProduct<Row, n, streams, fetch, Trial> product(p, first, trial);
  const std::size_t part = (p.row_end - p.row_begin) / streams;
  const std::size_t odd = part % 2 == 1 || part == 0 ? part : part - 1;
  product.run(p.row_begin, odd);
  if (odd < part) product.run(p.row_begin + odd * streams, 1);
  const std::size_t rest = p.row_begin + part * streams;
  if (rest < p.row_end) {
    RowsProduct<Row, n, 1, fetch, Trial>(p, first, trial).run(rest, p.row_end - rest);
  }
}

// ReadOrder::two_streams. What is decoded between two loads hides the stream from the processor's
// prefetchers (blocks of 22 bytes, Q5_0, came at a third of the rate): this code fetches for them.
// Floats they serve best alone, but for rows whose activations come from a farther cache as a third
// stream: then more rows share what is read of those.
template <typename Row, typename Trial>
void multiply_one_by_two(const Product& p, std::size_t first, const Trial& trial) {
  if constexpr (!kFloatWeights<Row>) {
    rows_times<Row, 1, 2, Fetch::ahead_8k, Trial>(p, first, trial);
  } else if (p.prepared_pitch <= kNearestCache) {
    rows_times<Row, 1, 2, Fetch::by_processor, Trial>(p, first, trial);
  } else {
    rows_times<Row, 1, 4, Fetch::ahead_2k, Trial>(p, first, trial);
  }
}

// ReadOrder::four_streams. Where activations only just stay in the nearest cache, two rows of
// weights leave them there.
template <typename Row, typename Trial>
void multiply_one_by_four(const Product& p, std::size_t first, const Trial& trial) {
  if (p.prepared_pitch > kAlwaysNear && p.prepared_pitch <= kNearestCache) {
    rows_times<Row, 1, 2, Fetch::by_processor, Trial>(p, first, trial);
  } else {
    rows_times<Row, 1, 4, Fetch::by_processor, Trial>(p, first, trial);
  }
}

// One row of activations.
template <typename Row, typename Trial = NoTrial>
void multiply_one(const Product& p, std::size_t first, const Trial& trial = Trial()) {
  if (p.order == ReadOrder::two_streams) {
    multiply_one_by_two<Row>(p, first, trial);
  } else if (p.order == ReadOrder::four_streams) {
    multiply_one_by_four<Row>(p, first, trial);
  } else if (p.prepared_pitch <= kNearestCache) {
    rows_times<Row, 1, Row::kStreams, Fetch::ahead, Trial>(p, first, trial);
  } else {
    rows_times<Row, 1, Row::kLongStreams, Fetch::ahead, Trial>(p, first, trial);
  }
}

// n rows of activations, or the last of them: as many streams as there are registers to sum.
// Arithmetic binds these more than memory, and many streams keep it busy. Where two streams are
// best fetched 8 KiB ahead, four are too (Q6_K by four rows: 29 cycles a block, 35 by 1 KiB). On
// Zen 4 two rows of activations, if short, take two streams, fetched by the processor (Q4_1: 44
// cycles by 256 weights instead of 55; long rows lose as much).
template <typename Row, int n>
void multiply_some(const Product& p, std::size_t first) {
  constexpr int streams = std::min(Row::Simd::kSummed / n, Row::kStreams);
  constexpr bool far = streams <= 2 || (streams <= 4 && n > int{kRowsOfDecoding});
  if constexpr (far && !kFloatWeights<Row>) {
    if (p.order == ReadOrder::two_streams) {
      return rows_times<Row, n, streams, Fetch::ahead_8k>(p, first);
    }
  }
  if constexpr (n == 2) {
    if (p.order == ReadOrder::four_streams && n * p.prepared_pitch <= kAlwaysNear) {
      return rows_times<Row, n, 2, Fetch::by_processor>(p, first);
    }
  }
  rows_times<Row, n, streams, Fetch::ahead>(p, first);
}

// Two Rows of one type: for up to kRowsOfDecoding rows of activations, and for more.
template <typename Few, typename Many>
struct FewOrMany : Few {
  using OfMany = Many;
};

// The product with weights of a Row's type, for one and a few rows of activations.
template <typename Row>
void multiply_few(const Product& p) {
  if constexpr (requires { typename Row::OfMany; }) {
    if (p.n > kRowsOfDecoding) return multiply_few<typename Row::OfMany>(p);
    return p.n == 2 ? multiply_some<Row, 2>(p, 0) : multiply_one<Row>(p, 0);
  } else {
    constexpr int most = std::min(Row::Simd::kSummed, 8);
    std::size_t first = 0;
    for (; first + 4 < p.n; first += most) multiply_some<Row, most>(p, first);
    if (first >= p.n) return;
    const std::size_t left = p.n - first;
    if (left > 2) return multiply_some<Row, 4>(p, first);
    if (left == 2) return multiply_some<Row, 2>(p, first);
    multiply_one<Row>(p, first);
  }
}

}  // namespace
}  // namespace ceiling::cpu
