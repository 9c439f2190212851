// The register-tiled product of prompts: a few rows of a panel by a strip of activations. Sums stay
// in registers for all columns of the panel.
#pragma once

#include "device/cpu/kernels/avx2/lanes.h"
#include "device/cpu/kernels/avx2/unpackers.h"
#include "device/cpu/kernels/panel.h"
#include "device/cpu/kernels/strips.h"

namespace ceiling::cpu {
namespace {

template <typename Unpacker>
struct Tile {
  using Wide = Lanes16;
  using Narrow = Lanes8;
  using PanelRow = UnpackedRow<Unpacker>;
  static constexpr int kRows = 3;
  static void complete_rows(PanelRow*) {}
  template <typename Lanes>
  static void complete_block(StripBlock<Lanes>&) {}

  template <typename Lanes>
  static void multiply(const UnpackedRow<Unpacker>* panel, std::size_t blocks,
                       const StripBlock<Lanes>* strip, typename Lanes::Floats (&total)[kRows]) {
    using Ints = typename Lanes::Ints;
    using Floats = typename Lanes::Floats;
    const auto w = reinterpret_cast<Address>(panel);
    for (std::size_t b = 0; b < blocks; ++b, ++strip) {
      const auto places = PanelPlaces<Unpacker>::kBlocks.at[b];
      Floats part[kRows];
#pragma GCC unroll 2
      for (std::size_t g = 0; g < kGroups; ++g) {
        const Ints less =
            Lanes::load(static_cast<const void*>(kGroups == 1 ? strip->less_all : strip->less[g]));
        Ints sums[kRows];
        add_products<Lanes>(w + places.q, *strip, g, less, sums);
        const Address scale = w + places.scale + 4 * g;
        const Address minimum = w + places.minimum + 4 * g;
        for (int r = 0; r < kRows; ++r) {
          const Floats sum = Lanes::to_float(sums[r]);
          const __m256 w_scale = _mm256_set1_ps(load_float(scale + r * kPitch));
          part[r] =
              g == 0 ? Lanes::multiply(sum, w_scale) : Lanes::multiply_add(sum, w_scale, part[r]);
          if constexpr (Unpacker::kHasMinimum) {
            const __m256 w_minimum = _mm256_set1_ps(load_float(minimum + r * kPitch));
            part[r] = Lanes::multiply_add(Lanes::to_float(less), w_minimum, part[r]);
          }
        }
      }
      const Floats x_scale = Lanes::load(strip->scale);
      for (int r = 0; r < kRows; ++r) {
        total[r] = Lanes::multiply_add_each(part[r], x_scale, total[r]);
      }
    }
  }

 private:
  static constexpr std::size_t kGroups = Unpacker::kGroups;
  static constexpr std::size_t kSteps = 8 / kGroups;
  static constexpr auto kPitch = static_cast<std::ptrdiff_t>(sizeof(UnpackedRow<Unpacker>));

  // sums: integer products of the steps of group g, the bytes' offset taken off.
  template <typename Lanes>
  static void add_products(Address w, const StripBlock<Lanes>& strip, std::size_t g,
                           const typename Lanes::Ints& less, typename Lanes::Ints (&sums)[kRows]) {
    using Ints = typename Lanes::Ints;
    constexpr std::size_t run = smaller(Unpacker::kRun, kSteps);
    constexpr int shift = std::countr_zero(static_cast<unsigned>(Unpacker::kOffset | 1 << 30));
    for (auto& sum : sums) {
      sum = Unpacker::kOffset == 0 ? Lanes::zero() : Lanes::shift_left(less, shift);
    }
#pragma GCC unroll 8
    for (std::size_t first = 0; first < kSteps; first += run) {
      Ints short_sums[kRows];
      for (auto& sum : short_sums) sum = Lanes::zero();
#pragma GCC unroll 8
      for (std::size_t step = first; step < first + run; ++step) {
        const std::size_t k = g * kSteps + step;
        const Ints x = Lanes::load(static_cast<const void*>(strip.q[k]));
        const Address at = w + Unpacker::step_bytes(k);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const __m256i weights = _mm256_set1_epi32(load32(at + r * kPitch));
          short_sums[r] =
              Lanes::template add_short_products<Unpacker::kSigned>(short_sums[r], weights, x);
        }
      }
      for (int r = 0; r < kRows; ++r) sums[r] = Lanes::add_widened(sums[r], short_sums[r]);
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
