// Rows of weights (rows.h) whose order of work is the same for every instruction set: each set
// gives its registers, and how a block is decoded.
//
// A Simd gives: Vector of kLanes floats; zero(), add(a, b), multiply_add(a, b, c) = a * b + c;
// load(x), and load_some(x, count) of the first `count` floats, zeros after them; and how many rows
// of float weights are read side by side.
#pragma once

#include <utility>

#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/stream.h"
#include "quant/blocks.h"

namespace ceiling::cpu {
namespace {

// The sums of a row times n rows of activations.
template <typename Simd, int n>
struct LaneSums {
  typename Simd::Vector total[n];
  LaneSums() {
    for (auto& sum : total) sum = Simd::zero();
  }
  typename Simd::Vector lanes(int i) const { return total[i]; }
};

// Of the types with blocks of 32 weights: `bytes` for 512 columns.
template <typename SimdType, std::size_t bytes, int streams, int long_streams>
struct SmallRowShape {
  using Simd = SimdType;
  using Group = SmallGroup;
  template <int n>
  using Sums = LaneSums<Simd, n>;
  static constexpr std::size_t kColumns = Group::kColumns;
  static constexpr std::size_t kBytes = bytes;
  static constexpr int kStreams = streams;
  static constexpr int kLongStreams = long_streams;
};

// Of the types with blocks of 256 weights. A Block gives Simd, Group, Sums<n>, kBytes, kStreams and
// kLongStreams; it is made from an address, and add(x, sums, i) adds its products by one row of
// activations.
template <typename Block>
struct SuperRow {
  using Simd = typename Block::Simd;
  using Group = typename Block::Group;
  template <int n>
  using Sums = typename Block::template Sums<n>;
  static constexpr std::size_t kColumns = kSuperBlock;
  static constexpr std::size_t kBytes = Block::kBytes;
  static constexpr int kStreams = Block::kStreams;
  static constexpr int kLongStreams = Block::kLongStreams;

  template <int n>
  void step(Address w, const Group* const* x, Sums<n>& sums) const {
    const Block block(w);
    if constexpr (n <= 4) {
      for (int i = 0; i < n; ++i) block.add(*x[i], sums, i);
    } else {
      // Unrolled here: by itself the compiler would keep so many sums in memory.
      [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        (block.add(*x[i], sums, i), ...);
      }(std::make_integer_sequence<int, n>());
    }
  }
  template <int n>
  void last(Address, std::size_t, const Group* const*, Sums<n>&) const {}
};

// F32, F16 and BF16 weights times float32 activations.
template <typename Simd>
struct FloatGroup {
  static constexpr std::size_t kColumns = 4 * Simd::kLanes;
  float x[kColumns];
};

// Several sums a row of activations hide the latency of adding; four rows do so by themselves, and
// more sums would not fit the registers.
template <typename Simd, int n>
struct FloatSums {
  static constexpr std::size_t kParts = n >= 4 ? 1 : 4 / n;
  typename Simd::Vector part[n][kParts];
  FloatSums() {
    for (auto& parts : part) {
      for (auto& sum : parts) sum = Simd::zero();
    }
  }
  typename Simd::Vector lanes(int i) const {
    if constexpr (kParts == 1) {
      return part[i][0];
    } else if constexpr (kParts == 2) {
      return Simd::add(part[i][0], part[i][1]);
    } else {
      return Simd::add(Simd::add(part[i][0], part[i][1]), Simd::add(part[i][2], part[i][3]));
    }
  }
};

// Stored gives Simd, kBytes of a weight, load(w) and load_some(w, count), which reads no further.
template <typename Stored>
struct FloatRow {
  using Simd = typename Stored::Simd;
  using Group = FloatGroup<Simd>;
  template <int n>
  using Sums = FloatSums<Simd, n>;
  static constexpr std::size_t kColumns = Group::kColumns;
  static constexpr std::size_t kBytes = kColumns * Stored::kBytes;
  static constexpr int kStreams = Simd::kFloatStreams;
  static constexpr int kLongStreams = Simd::kLongFloatStreams;

  template <int n>
  void step(Address w, const Group* const* x, Sums<n>& sums) const {
    for (std::size_t k = 0; k < 4; ++k) {
      const auto weights = Stored::load(w + Simd::kLanes * k * Stored::kBytes);
      for (int i = 0; i < n; ++i) {
        auto& sum = sums.part[i][k % Sums<n>::kParts];
        sum = Simd::multiply_add(weights, Simd::load(x[i]->x + Simd::kLanes * k), sum);
      }
    }
  }

  template <int n>
  void last(Address w, std::size_t columns, const Group* const* x, Sums<n>& sums) const {
    for (std::size_t c = 0; c < columns; c += Simd::kLanes) {
      const std::size_t count = smaller(columns - c, Simd::kLanes);
      const auto weights = Stored::load_some(w + c * Stored::kBytes, count);
      for (int i = 0; i < n; ++i) {
        auto& sum = sums.part[i][c / Simd::kLanes % Sums<n>::kParts];
        sum = Simd::multiply_add(weights, Simd::load_some(x[i]->x + c, count), sum);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
