// Activations of prompts, interleaved: a strip holds some rows side by side, a lane each, so that a
// register holds four columns of each row and results of different rows stay in different lanes.
//
// Lanes (of an instruction set) gives kRows and
//   interleave(x, x_pitch, rows, count, out)
// which writes 32-bit step s of row r, for `count` steps of at most kSteps, to out[s * kRows + r];
// rows that are absent count as zero. Rows lie at x_pitch bytes from each other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/stream.h"

namespace ceiling::cpu {
namespace {

// 32 columns of a strip: the members of a RowBlock, each for all rows. less[0]: negated sums of the
// first 16 columns, less[1]: of the last 16.
template <typename Lanes>
struct StripBlock {
  alignas(4 * Lanes::kRows) std::int8_t q[8][4 * Lanes::kRows];
  float scale[Lanes::kRows];
  std::int32_t less_all[Lanes::kRows];
  std::int32_t less[2][Lanes::kRows];
};

template <typename Lanes>
void interleave_steps(const std::byte* x, std::size_t x_pitch, std::size_t rows, std::size_t steps,
                      void* strip) {
  auto* out = static_cast<std::uint32_t*>(strip);
  for (std::size_t first = 0; first < steps; first += Lanes::kSteps) {
    Lanes::interleave(x + 4 * first, x_pitch, rows, smaller(steps - first, Lanes::kSteps),
                      out + first * Lanes::kRows);
  }
}

template <typename Lanes>
void interleave_block(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                      StripBlock<Lanes>& out) {
  static_assert(sizeof(StripBlock<Lanes>) == sizeof(RowBlock) * Lanes::kRows);
  interleave_steps<Lanes>(x, x_pitch, rows, sizeof(RowBlock) / 4, &out);
}

}  // namespace
}  // namespace ceiling::cpu
