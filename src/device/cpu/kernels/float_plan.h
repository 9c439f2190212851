// Prompts through float weights: a Plan for prompt.h. A lane holds 32 bits of an activation row,
// one float32 or two bf16.
#pragma once

#include "device/cpu/kernels/prompt.h"
#include "device/cpu/kernels/strips.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kFloatSteps = 512;  // 32-bit steps of a chunk

// Arithmetic gives the Lanes, kRows, kPerStep columns a step, unpack(w, column, columns, out) and
// multiply_add(w, x, sum).
template <typename Arithmetic>
struct FloatPlan {
  static constexpr std::size_t kColumns = kFloatSteps * Arithmetic::kPerStep;
  static constexpr int kRows = Arithmetic::kRows;
  using Wide = typename Arithmetic::Wide;
  using Narrow = typename Arithmetic::Narrow;
  struct PanelRow {
    alignas(64) std::uint32_t step[kFloatSteps];
  };
  template <typename Lanes>
  struct Strip {
    alignas(64) std::uint32_t step[kFloatSteps][Lanes::kRows];
  };

  static std::size_t steps(std::size_t columns) {
    return (columns + Arithmetic::kPerStep - 1) / Arithmetic::kPerStep;
  }

  // Prepared rows are padded with zeros to whole steps.
  template <typename Lanes>
  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t column, std::size_t columns, Strip<Lanes>& strip) {
    x += column / Arithmetic::kPerStep * sizeof(std::uint32_t);
    interleave_steps<Lanes>(x, x_pitch, rows, steps(columns), strip.step);
  }

  static void unpack(Address w, std::size_t column, std::size_t columns, PanelRow& out) {
    Arithmetic::unpack(w, column, columns, out.step);
  }
  static void complete(PanelRow*) {}

  template <typename Lanes>
  static void multiply(const PanelRow* panel, std::size_t columns, const Strip<Lanes>& strip,
                       typename Lanes::Floats (&total)[kRows]) {
    const std::size_t all = steps(columns);
    for (std::size_t k = 0; k < all; ++k) {
      const auto x = Lanes::load(static_cast<const void*>(strip.step[k]));
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        total[r] = Arithmetic::template multiply_add<Lanes>(panel[r].step[k], x, total[r]);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
