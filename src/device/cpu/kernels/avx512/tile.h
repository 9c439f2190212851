// The register-tiled product of prompts: some rows of a panel by a strip of activations. Sums stay
// in registers for all columns of the panel.
#pragma once

#include <bit>

#include "device/cpu/kernels/avx512/lanes.h"
#include "device/cpu/kernels/avx512/unpackers.h"
#include "device/cpu/kernels/panel.h"
#include "device/cpu/kernels/strips.h"

namespace ceiling::cpu {
namespace {

// Rows of a tile: as many as registers hold sums, and sums in progress of each group.
template <typename Unpacker>
constexpr int kTileRows = Unpacker::kGroups == 1 ? 12 : 10;

// total[r] lane i += panel row r times row i of the strip, over `blocks` blocks of columns.
template <typename Unpacker, typename Lanes, int rows>
void multiply_tile(const UnpackedRow<Unpacker>* panel, std::size_t blocks,
                   const StripBlock<Lanes>* strip, typename Lanes::Floats (&total)[rows]) {
  using Ints = typename Lanes::Ints;
  using Floats = typename Lanes::Floats;
  constexpr std::size_t pitch = sizeof(UnpackedRow<Unpacker>);
  constexpr std::size_t groups = Unpacker::kGroups;
  constexpr std::size_t steps = 8 / groups;
  constexpr int shift = std::countr_zero(static_cast<unsigned>(Unpacker::kOffset | 1 << 30));
  const auto w = reinterpret_cast<Address>(panel);
  for (std::size_t b = 0; b < blocks; ++b, ++strip) {
    const auto places = PanelPlaces<Unpacker>::kBlocks.at[b];
    const Floats x_scale = Lanes::load(strip->scale);
    Floats part[rows];
#pragma GCC unroll 2
    for (std::size_t g = 0; g < groups; ++g) {
      const Ints less =
          Lanes::load(static_cast<const void*>(groups == 1 ? strip->less_all : strip->less[g]));
      Ints sums[rows];
      const Ints start = Unpacker::kOffset == 0 ? Lanes::zero() : Lanes::shift_left(less, shift);
      for (auto& sum : sums) sum = start;
#pragma GCC unroll 8
      for (std::size_t step = 0; step < steps; ++step) {
        const std::size_t k = g * steps + step;
        const Ints columns = Lanes::load(static_cast<const void*>(strip->q[k]));
        const Address at = w + places.q + Unpacker::step_bytes(k);
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
          const Ints weights = Lanes::broadcast(load32(at + static_cast<std::size_t>(r) * pitch));
          sums[r] = Lanes::dot(sums[r], weights, columns);
        }
      }
      const Address scale = w + places.scale + sizeof(float) * g;
      const Address minimum = w + places.minimum + sizeof(float) * g;
      for (int r = 0; r < rows; ++r) {
        const std::size_t row = static_cast<std::size_t>(r) * pitch;
        const Floats sum = Lanes::to_float(sums[r]);
        const Floats w_scale = Lanes::broadcast(load_float(scale + row));
        part[r] =
            g == 0 ? Lanes::multiply(sum, w_scale) : Lanes::multiply_add(sum, w_scale, part[r]);
        if constexpr (Unpacker::kHasMinimum) {
          const Floats w_minimum = Lanes::broadcast(load_float(minimum + row));
          part[r] = Lanes::multiply_add(Lanes::to_float(less), w_minimum, part[r]);
        }
      }
    }
    for (int r = 0; r < rows; ++r) total[r] = Lanes::multiply_add(part[r], x_scale, total[r]);
  }
}

}  // namespace
}  // namespace ceiling::cpu
