// Unpackers of weights for panels (kernels/panel.h). Bytes are signed and in column order.
#pragma once

#include "device/cpu/kernels/neon/small_blocks.h"
#include "device/cpu/kernels/neon/super_blocks.h"
#include "device/cpu/kernels/panel.h"

namespace ceiling::cpu {
namespace {

struct ColumnOrder {
  static constexpr int kOffset = 0;
  static constexpr std::size_t block_bytes(std::size_t b) { return 32 * b; }
  static constexpr std::size_t step_bytes(std::size_t k) { return 4 * k; }
  static void store(std::uint8_t* q, int8x16_t bytes) {
    vst1q_s8(reinterpret_cast<std::int8_t*>(q), bytes);
  }
};

template <typename Type>
struct SmallUnpacker : ColumnOrder {
  static constexpr std::size_t kColumns = 512;
  static constexpr std::size_t kBytes = 16 * Type::kBytes;
  static constexpr int kGroups = 1;
  static constexpr bool kHasMinimum = Type::kHasMinimum;
  static constexpr std::size_t kFactors = 32;
  static constexpr std::size_t scale_index(std::size_t b) { return b; }
  static constexpr std::size_t minimum_index(std::size_t b) { return 16 + b; }

  static void unpack(Address w, std::size_t blocks, std::uint8_t* q, float* factor) {
    for (std::size_t b = 0; b < blocks; ++b, w += Type::kBytes) {
      const Halves weights = Type::weights(w);
      store(q + 32 * b, weights.first);
      store(q + 32 * b + 16, weights.last);
      factor[b] = half_at(w);
      if constexpr (kHasMinimum) factor[16 + b] = -half_at(w + 2);
    }
  }
};

struct UnpackerIQ4_XS : ColumnOrder {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = sizeof(BlockIQ4_XS);
  static constexpr int kGroups = 1;
  static constexpr bool kHasMinimum = false;
  static constexpr std::size_t kFactors = 8;
  static constexpr std::size_t scale_index(std::size_t b) { return b; }
  static constexpr std::size_t minimum_index(std::size_t) { return 0; }

  static void unpack(Address w, std::size_t, std::uint8_t* q, float* factor) {
    for (std::size_t g = 0; g < 8; ++g) {
      const Halves weights = RowIQ4_XS::weights(w, g);
      store(q + 32 * g, weights.first);
      store(q + 32 * g + 16, weights.last);
      factor[g] = RowIQ4_XS::scale(w, g);
    }
  }
};

template <typename Type>
struct SuperUnpacker : ColumnOrder {
  static constexpr std::size_t kColumns = 256;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kGroups = Type::kGroups;
  static constexpr bool kHasMinimum = Type::kHasMinimum;
  static constexpr std::size_t kFactors = 32;
  static constexpr std::size_t scale_index(std::size_t b) { return b * kGroups; }
  static constexpr std::size_t minimum_index(std::size_t b) { return 16 + b * kGroups; }

  static void unpack(Address w, std::size_t, std::uint8_t* q, float* factor) {
    SuperBytes bytes;
    Type::load_bytes(w, bytes);
    for (std::size_t i = 0; i < 16; ++i) store(q + 16 * i, bytes.q[i]);
    const SuperScales scales = Type::load_scales(w);
    for (std::size_t g = 0; g < 8 * kGroups; ++g) {
      factor[g] = scales.d * static_cast<float>(scales.scale[g]);
      if constexpr (kHasMinimum)
        factor[16 + g] = scales.dmin * static_cast<float>(scales.minimum[g]);
    }
  }
};

template <typename Type>
using PairedUnpacker = SuperUnpacker<Type>;
template <typename Type>
using HalvedUnpacker = SuperUnpacker<Type>;

}  // namespace
}  // namespace ceiling::cpu
