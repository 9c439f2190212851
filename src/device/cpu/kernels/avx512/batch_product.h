// The product of a batch: a few rows of activations (RowBlock), more than decoding a block is all
// that counts and fewer than fill the lanes of a strip (prompt.h).
//
// Lanes are rows of weights. Their bytes are turned so that a register holds four columns of 16
// rows; four columns of a row of activations, in all lanes, then meet those of all 16 at once. By
// 32 columns that takes eight dot products and three more instructions for 16 pairs of rows, where
// a group of columns a lane (super_rows.h) takes eight and six.
//
// 16 rows read side by side are more streams than a processor follows, so this code fetches: the
// rows lie one after another, and while some are multiplied the next come in, in order of address,
// to the second-level cache.
#pragma once

#include <utility>

#include "device/cpu/kernels/avx512/batch_types.h"
#include "device/cpu/kernels/kernel_set.h"
#include "device/cpu/kernels/prepared.h"

namespace ceiling::cpu {
namespace {

template <typename Type, std::size_t n>
class BatchProduct {
 public:
  explicit BatchProduct(const Product& product) : p_(product) {}

  void run() const {
    for (std::size_t row = p_.row_begin; row < p_.row_end; row += kRowLanes) {
      const std::size_t count = smaller(p_.row_end - row, kRowLanes);
      const Address w = reinterpret_cast<Address>(p_.weights) + row * p_.row_bytes;
      __m512 total[n];
      for (auto& sum : total) sum = _mm512_setzero_ps();
      count == kRowLanes ? sixteen(w, total) : fewer(w, count, total);
      for (std::size_t i = 0; i < n; ++i) {
        _mm512_mask_storeu_ps(p_.y + i * p_.y_pitch + row, first_lanes(count), total[i]);
      }
    }
  }

 private:
  // Groups that are summed side by side: enough sums to hide the latency of a dot product.
  static constexpr std::size_t kTogether = n <= 4 ? 2 : 1;

  void sixteen(Address w, __m512 (&total)[n]) const {
    Address far = w + kRowLanes * p_.row_bytes;
    const std::byte* x = p_.prepared;
    for (std::size_t column = 0; column < p_.cols; column += kSuperBlock) {
      add_block({w, p_.row_bytes}, x, far, total);
      w += Type::kBytes;
      far += kRowLanes * Type::kBytes;
      x += kSuperBlock / kScaled * sizeof(RowBlock);
    }
  }

  // Rows that are missing count as zeros.
  [[gnu::noinline]] void fewer(Address w, std::size_t count, __m512 (&total)[n]) const {
    std::uint8_t copy[kRowLanes][Type::kBytes] = {};
    const std::byte* x = p_.prepared;
    for (std::size_t column = 0; column < p_.cols; column += kSuperBlock) {
      for (std::size_t r = 0; r < count; ++r) {
        std::memcpy(copy[r], w + r * p_.row_bytes, Type::kBytes);
      }
      add_block({copy[0], Type::kBytes}, x, w, total);
      w += Type::kBytes;
      x += kSuperBlock / kScaled * sizeof(RowBlock);
    }
  }

  [[gnu::always_inline]] void add_block(const SixteenRows& rows, const std::byte* x, Address far,
                                        __m512 (&total)[n]) const {
    const typename Type::Block block(rows);
    [&]<std::size_t... c>(std::index_sequence<c...>) __attribute__((always_inline)) {
      (add_chunk<c>(rows, block, x, far, total), ...);
    }(std::make_index_sequence<Type::kChunks>());
  }

  template <std::size_t c>
  [[gnu::always_inline]] void add_chunk(const SixteenRows& rows, const typename Type::Block& block,
                                        const std::byte* x, Address far, __m512 (&total)[n]) const {
    using Chunk = typename Type::template Chunk<c>;
    constexpr std::size_t lines = kRowLanes * Type::kBytes / 64;
    for (std::size_t line = c * lines / Type::kChunks; line < (c + 1) * lines / Type::kChunks;
         ++line) {
      __builtin_prefetch(far + 64 * line, 0, 2);
    }
    const Chunk chunk(rows, block);
    [&]<std::size_t... g>(std::index_sequence<g...>) __attribute__((always_inline)) {
      (add_groups<Chunk, g * kTogether>(chunk, x, total, std::make_index_sequence<kTogether>()),
       ...);
    }(std::make_index_sequence<Chunk::kGroups / kTogether>());
  }

  // The groups first + e.
  template <typename Chunk, std::size_t first, std::size_t... e>
  [[gnu::always_inline]] void add_groups(const Chunk& chunk, const std::byte* x, __m512 (&total)[n],
                                         std::index_sequence<e...>) const {
    __m512i sums[sizeof...(e)][n];
    for (auto& of_group : sums) {
      for (auto& sum : of_group) sum = _mm512_setzero_si512();
    }
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kScaled / 4; ++k) {
      (dot<Chunk::column(first + e)>(chunk.template weights<first + e>(k), k, x, sums[e]), ...);
    }
    (add_scaled<Chunk, first + e>(chunk, x, sums[e], total), ...);
  }

  // Of row i of activations, the 32 columns from `column` on.
  template <std::size_t column>
  const RowBlock& block_of(const std::byte* x, std::size_t i) const {
    return reinterpret_cast<const RowBlock*>(x + i * p_.prepared_pitch)[column / kScaled];
  }

  template <std::size_t column>
  [[gnu::always_inline]] void dot(__m512i weights, std::size_t k, const std::byte* x,
                                  __m512i (&sums)[n]) const {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < n; ++i) {
      const auto* q = reinterpret_cast<Address>(block_of<column>(x, i).q);
      sums[i] = _mm512_dpbusd_epi32(sums[i], weights, _mm512_set1_epi32(load32(q + 4 * k)));
    }
  }

  template <typename Chunk, std::size_t g>
  [[gnu::always_inline]] void add_scaled(const Chunk& chunk, const std::byte* x,
                                         const __m512i (&sums)[n], __m512 (&total)[n]) const {
    constexpr std::size_t column = Chunk::column(g);
    const __m512 scale = chunk.template scale<g>();
    const __m512 minimum = chunk.template minimum<g>();
#pragma GCC unroll 8
    for (std::size_t i = 0; i < n; ++i) {
      const RowBlock& block = block_of<column>(x, i);
      const __m512 less = _mm512_cvtepi32_ps(_mm512_set1_epi32(block.less));
      const __m512 part =
          _mm512_fmadd_ps(minimum, less, _mm512_mul_ps(scale, _mm512_cvtepi32_ps(sums[i])));
      total[i] = _mm512_fmadd_ps(part, _mm512_set1_ps(block.scale), total[i]);
    }
  }

  const Product& p_;
};

// 3 to 8 rows of activations.
template <typename Type>
void multiply_batch(const Product& product) {
  switch (product.n) {
    case 3:
      return BatchProduct<Type, 3>(product).run();
    case 4:
      return BatchProduct<Type, 4>(product).run();
    case 5:
      return BatchProduct<Type, 5>(product).run();
    case 6:
      return BatchProduct<Type, 6>(product).run();
    case 7:
      return BatchProduct<Type, 7>(product).run();
    default:
      return BatchProduct<Type, 8>(product).run();
  }
}

}  // namespace
}  // namespace ceiling::cpu
