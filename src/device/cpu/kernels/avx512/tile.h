// The register-tiled product of prompts: some rows of a panel by a strip of activations. Sums stay
// in registers for all columns of the panel.
//
// Integer sums start at the bits of a float32, 1.5 * 2^23: they then are that number plus the sum,
// exactly, and one fused multiply-add brings them to float and scales them.
#pragma once

#include <bit>

#include "device/cpu/kernels/avx512/lanes.h"
#include "device/cpu/kernels/avx512/unpackers.h"
#include "device/cpu/kernels/panel.h"
#include "device/cpu/kernels/strips.h"

namespace ceiling::cpu {
namespace {

constexpr float kBias = 12582912.0F;

// With each factor times -kBias: exact, since factors have few bits.
template <typename Unpacker>
struct BiasedRow : UnpackedRow<Unpacker> {
  using Base = UnpackedRow<Unpacker>;
  float less_bias[Base::kUnits][Unpacker::kFactors];
  static constexpr std::size_t kBehindFactor = sizeof(Base::factor);
  static_assert(sizeof(Base) == sizeof(Base::q) + sizeof(Base::factor));

  void set_less_bias() {
    const float* from = this->factor[0];
    float* to = less_bias[0];
    for (std::size_t i = 0; i < Base::kUnits * Unpacker::kFactors; i += 16) {
      _mm512_store_ps(to + i, _mm512_mul_ps(_mm512_load_ps(from + i), _mm512_set1_ps(-kBias)));
    }
  }
};

// Rows of a tile: as many as registers hold sums, and sums in progress of a group, of 32 lanes.
constexpr int kTileRows = 6;

// total[r] lane i += panel row r times row i of the strip, over `blocks` blocks of columns.
template <typename Unpacker, typename Lanes, int rows>
void multiply_tile(const BiasedRow<Unpacker>* panel, std::size_t blocks,
                   const StripBlock<Lanes>* strip, typename Lanes::Floats (&total)[rows]) {
  using Ints = typename Lanes::Ints;
  using Floats = typename Lanes::Floats;
  constexpr std::size_t pitch = sizeof(BiasedRow<Unpacker>);
  constexpr std::size_t groups = Unpacker::kGroups;
  constexpr std::size_t steps = 8 / groups;
  constexpr int shift = std::countr_zero(static_cast<unsigned>(Unpacker::kOffset | 1 << 30));
  const auto w = reinterpret_cast<Address>(panel);
  for (std::size_t b = 0; b < blocks; ++b, ++strip) {
    const auto places = PanelPlaces<Unpacker>::kBlocks.at[b];
    const Floats x_scale = Lanes::load(strip->scale);
#pragma GCC unroll 2
    for (std::size_t g = 0; g < groups; ++g) {
      const Ints less =
          Lanes::load(static_cast<const void*>(groups == 1 ? strip->less_all : strip->less[g]));
      Ints sums[rows];
      const Ints start =
          Lanes::add(Unpacker::kOffset == 0 ? Lanes::zero() : Lanes::shift_left(less, shift),
                     std::bit_cast<std::int32_t>(kBias));
      for (auto& sum : sums) sum = start;
#pragma GCC unroll 8
      for (std::size_t step = 0; step < steps; ++step) {
        const std::size_t k = g * steps + step;
        const Ints columns = Lanes::load(static_cast<const void*>(strip->q[k]));
        const Address at = w + places.q + Unpacker::step_bytes(k);
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
          const __m512i weights =
              _mm512_set1_epi32(load32(at + static_cast<std::size_t>(r) * pitch));
          sums[r] = Lanes::dot(sums[r], weights, columns);
        }
      }
      const Address scale = w + places.scale + sizeof(float) * g;
      const Address minimum = w + places.minimum + sizeof(float) * g;
#pragma GCC unroll 16
      for (int r = 0; r < rows; ++r) {
        const std::size_t row = static_cast<std::size_t>(r) * pitch;
        const __m512 w_scale = _mm512_set1_ps(load_float(scale + row));
        const __m512 less_bias =
            _mm512_set1_ps(load_float(scale + row + BiasedRow<Unpacker>::kBehindFactor));
        Floats part =
            Lanes::multiply_add(w_scale, Lanes::as_floats(sums[r]), Lanes::all(less_bias));
        if constexpr (Unpacker::kHasMinimum) {
          const __m512 w_minimum = _mm512_set1_ps(load_float(minimum + row));
          part = Lanes::multiply_add(w_minimum, Lanes::to_float(less), part);
        }
        total[r] = Lanes::multiply_add(part, x_scale, total[r]);
      }
    }
  }
}

}  // namespace
}  // namespace ceiling::cpu
