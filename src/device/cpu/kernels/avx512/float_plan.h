// Prompts through float weights: plans for prompt.h. A lane holds 32 bits of an activation row, one
// float32 or two bf16.
#pragma once

#include "device/cpu/kernels/avx512/strips.h"
#include "device/cpu/kernels/prompt.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kFloatSteps = 256;  // 32-bit steps of a chunk

// Arithmetic gives kPerStep columns a step, unpack(row, columns, out) and multiply_add(w, x, sum).
template <typename Arithmetic>
struct FloatPlan {
  static constexpr std::size_t kColumns = kFloatSteps * Arithmetic::kPerStep;
  static constexpr int kRows = 12;
  using Wide = Lanes16;
  using Narrow = Lanes8;
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
    const std::size_t all = steps(columns);
    for (std::size_t first = 0; first < all; first += 16) {
      const std::size_t count = smaller(all - first, 16);
      const auto lanes = static_cast<__mmask16>((1u << count) - 1);
      __m512i v[16];
      for (std::size_t r = 0; r < 16; ++r) {
        v[r] = _mm512_setzero_si512();
        if (r < rows) v[r] = _mm512_maskz_loadu_epi32(lanes, x + r * x_pitch + 4 * first);
      }
      transpose(v);
      for (std::size_t i = 0; i < count; ++i) Lanes::store(strip.step[first + i], v[i]);
    }
  }

  static void unpack(Address w, std::size_t column, std::size_t columns, PanelRow& out) {
    Arithmetic::unpack(w, column, columns, out.step);
  }

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
