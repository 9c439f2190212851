// The register-tiled product of prompts: four rows of a panel by a strip of activations. Sums stay
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
  using Wide = Lanes8;
  using Narrow = Lanes8;
  static constexpr int kRows = 4;

  template <typename Lanes>
  static void multiply(const UnpackedRow<Unpacker>* panel, std::size_t blocks,
                       const StripBlock<Lanes>* strip, __m256 (&total)[kRows]) {
    const auto w = reinterpret_cast<Address>(panel);
    for (std::size_t b = 0; b < blocks; ++b, ++strip) {
      const auto places = PanelPlaces<Unpacker>::kBlocks.at[b];
      const __m256 x_scale = Lanes8::load(strip->scale);
      __m256 part[kRows];
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        const __m256i less =
            Lanes8::load(static_cast<const void*>(kGroups == 1 ? strip->less_all : strip->less[g]));
        __m256i sums[kRows];
        add_products(w + places.q, *strip, g, less, sums);
        const Address scale = w + places.scale + 4 * g;
        const Address minimum = w + places.minimum + 4 * g;
        for (int r = 0; r < kRows; ++r) {
          const __m256 sum = _mm256_cvtepi32_ps(sums[r]);
          const __m256 w_scale = _mm256_set1_ps(load_float(scale + r * kPitch));
          part[r] = g == 0 ? _mm256_mul_ps(sum, w_scale) : _mm256_fmadd_ps(sum, w_scale, part[r]);
          if constexpr (Unpacker::kHasMinimum) {
            const __m256 w_minimum = _mm256_set1_ps(load_float(minimum + r * kPitch));
            part[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(less), w_minimum, part[r]);
          }
        }
      }
      for (int r = 0; r < kRows; ++r) total[r] = _mm256_fmadd_ps(part[r], x_scale, total[r]);
    }
  }

 private:
  static constexpr int kGroups = Unpacker::kGroups;
  static constexpr int kSteps = 8 / kGroups;
  static constexpr auto kPitch = static_cast<std::ptrdiff_t>(sizeof(UnpackedRow<Unpacker>));

  // sums: integer products of the steps of group g, the bytes' offset taken off.
  static void add_products(Address w, const StripBlock<Lanes8>& strip, int g, __m256i less,
                           __m256i (&sums)[kRows]) {
    constexpr int run = Unpacker::kRun < kSteps ? Unpacker::kRun : kSteps;
    constexpr int shift = std::countr_zero(static_cast<unsigned>(Unpacker::kOffset | 1 << 30));
    for (auto& sum : sums) {
      sum = Unpacker::kOffset == 0 ? _mm256_setzero_si256() : _mm256_slli_epi32(less, shift);
    }
#pragma GCC unroll 8
    for (int first = 0; first < kSteps; first += run) {
      __m256i short_sums[kRows];
      for (auto& sum : short_sums) sum = _mm256_setzero_si256();
#pragma GCC unroll 8
      for (int step = first; step < first + run; ++step) {
        const int k = g * kSteps + step;
        const __m256i x = Lanes8::load(static_cast<const void*>(strip.q[k]));
        const Address at = w + Unpacker::step_bytes(k);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const __m256i weights = _mm256_set1_epi32(load32(at + r * kPitch));
          const __m256i products =
              Unpacker::kSigned ? dot_signed(weights, x) : dot_unsigned(weights, x);
          short_sums[r] = _mm256_add_epi16(short_sums[r], products);
        }
      }
      for (int r = 0; r < kRows; ++r) {
        sums[r] = _mm256_add_epi32(sums[r], widen_sums(short_sums[r]));
      }
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
