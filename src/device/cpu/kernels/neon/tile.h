// The register-tiled product of prompts: four rows of a panel by a strip of activations.
#pragma once

#include "device/cpu/kernels/neon/lanes.h"
#include "device/cpu/kernels/neon/unpackers.h"
#include "device/cpu/kernels/strips.h"

namespace ceiling::cpu {
namespace {

template <typename Unpacker>
struct Tile {
  using Wide = Lanes8;
  using Narrow = Lanes8;
  using PanelRow = UnpackedRow<Unpacker>;
  static constexpr int kRows = 4;
  static void complete_rows(PanelRow*) {}
  static void complete_block(StripBlock<Lanes8>&) {}

  template <typename Lanes>
  static void multiply(const UnpackedRow<Unpacker>* panel, std::size_t blocks,
                       const StripBlock<Lanes>* strip, typename Lanes::Floats (&total)[kRows]) {
    using Ints = typename Lanes::Ints;
    using Floats = typename Lanes::Floats;
    constexpr std::size_t groups = Unpacker::kGroups;
    constexpr std::size_t steps = 8 / groups;
    constexpr auto pitch = static_cast<std::ptrdiff_t>(sizeof(UnpackedRow<Unpacker>));
    const auto w = reinterpret_cast<Address>(panel);
    for (std::size_t b = 0; b < blocks; ++b, ++strip) {
      const auto places = PanelPlaces<Unpacker>::kBlocks.at[b];
      Floats part[kRows];
      for (auto& value : part) value = Lanes::broadcast(0.0F);
      for (std::size_t g = 0; g < groups; ++g) {
        Ints sums[kRows];
        for (auto& sum : sums) sum = Lanes::zero();
        for (std::size_t k = g * steps; k < (g + 1) * steps; ++k) {
          const Ints x = Lanes::load(static_cast<const void*>(strip->q[k]));
          const Address at = w + places.q + Unpacker::step_bytes(k);
          for (int r = 0; r < kRows; ++r) sums[r] = Lanes::dot(sums[r], load32(at + r * pitch), x);
        }
        const Floats less = Lanes::to_float(
            Lanes::load(static_cast<const void*>(groups == 1 ? strip->less_all : strip->less[g])));
        for (int r = 0; r < kRows; ++r) {
          const float scale = load_float(w + places.scale + 4 * g + r * pitch);
          part[r] = Lanes::multiply_add(Lanes::to_float(sums[r]), scale, part[r]);
          if constexpr (Unpacker::kHasMinimum) {
            const float minimum = load_float(w + places.minimum + 4 * g + r * pitch);
            part[r] = Lanes::multiply_add(less, minimum, part[r]);
          }
        }
      }
      const Floats x_scale = Lanes::load(strip->scale);
      for (int r = 0; r < kRows; ++r) {
        total[r] = Lanes::multiply_add_each(part[r], x_scale, total[r]);
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
