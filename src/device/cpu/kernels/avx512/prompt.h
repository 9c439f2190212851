// The order of work for prompts, whatever the type. A thread interleaves the activations of some
// columns (a chunk) into strips of 16 rows, unpacks a panel of rows of weights for these columns,
// and multiplies: a weight is unpacked once, activations stay in the nearest caches.
//
// A Plan gives:
//   kColumns                  of a chunk
//   kRows                     rows of weights of a tile, whose sums registers hold
//   PanelRow                  a row of weights of a chunk, unpacked
//   Strip<Lanes>              a strip of activations of a chunk
//   interleave(x, x_pitch, rows, column, columns, strip)
//   unpack(row, column, columns, panel_row)
//   multiply(panel_rows, columns, strip, total)   total[r] lane i += row r times activations i
#pragma once

#include "device/cpu/kernels/avx512/strips.h"
#include "device/cpu/kernels/kernel_set.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kPanelTiles = 4;

// Rows of activations as strips of 16 and perhaps a last one of 8.
struct StripCount {
  std::size_t whole;
  bool half;
  explicit StripCount(std::size_t n)
      : whole(n / 16 + (n % 16 > 8 ? 1 : 0)), half(n % 16 != 0 && n % 16 <= 8) {}
};

template <typename Plan>
std::size_t prompt_workspace(std::size_t n) {
  const StripCount strips(n);
  return kPanelTiles * Plan::kRows * sizeof(typename Plan::PanelRow) +
         strips.whole * sizeof(typename Plan::template Strip<Lanes16>) +
         (strips.half ? sizeof(typename Plan::template Strip<Lanes8>) : 0);
}

template <typename Plan>
class PromptProduct {
 public:
  explicit PromptProduct(const Product& product)
      : p_(product),
        strips_(product.n),
        panel_(reinterpret_cast<PanelRow*>(product.workspace)),
        strip_space_(product.workspace + kPanelRows * sizeof(PanelRow)) {}

  void run() const {
    for (std::size_t column = 0; column < p_.cols; column += Plan::kColumns) {
      const std::size_t columns = smaller(p_.cols - column, Plan::kColumns);
      interleave(column, columns);
      for (std::size_t row = p_.row_begin; row < p_.row_end; row += kPanelRows) {
        const std::size_t rows = smaller(p_.row_end - row, kPanelRows);
        unpack(row, rows, column, columns);
        multiply(row, rows, column, columns);
      }
    }
  }

 private:
  static constexpr std::size_t kPanelRows = kPanelTiles * Plan::kRows;
  using PanelRow = typename Plan::PanelRow;
  using Strip16 = typename Plan::template Strip<Lanes16>;
  using Strip8 = typename Plan::template Strip<Lanes8>;

  Strip16& strip16(std::size_t index) const {
    return reinterpret_cast<Strip16*>(strip_space_)[index];
  }
  Strip8& strip8() const { return reinterpret_cast<Strip8&>(strip16(strips_.whole)); }

  void interleave(std::size_t column, std::size_t columns) const {
    const auto rows_from = [&](std::size_t first, std::size_t most, auto& strip) {
      Plan::interleave(p_.prepared + first * p_.prepared_pitch, p_.prepared_pitch,
                       smaller(p_.n - first, most), column, columns, strip);
    };
    for (std::size_t s = 0; s < strips_.whole; ++s) rows_from(16 * s, 16, strip16(s));
    if (strips_.half) rows_from(16 * strips_.whole, 8, strip8());
  }

  // Rows of a tile beyond the matrix repeat its last row; their results are not stored.
  void unpack(std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) const {
    const std::size_t tiles = (rows + Plan::kRows - 1) / Plan::kRows;
    for (std::size_t r = 0; r < tiles * Plan::kRows; ++r) {
      const std::byte* w = p_.weights + (row + smaller(r, rows - 1)) * p_.row_bytes;
      Plan::unpack(reinterpret_cast<Address>(w), column, columns, panel_[r]);
    }
  }

  void multiply(std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) const {
    for (std::size_t s = 0; s < strips_.whole; ++s) {
      multiply_strip<Lanes16>(strip16(s), 16 * s, row, rows, column, columns);
    }
    if (strips_.half) {
      multiply_strip<Lanes8>(strip8(), 16 * strips_.whole, row, rows, column, columns);
    }
  }

  template <typename Lanes, typename Strip>
  void multiply_strip(const Strip& strip, std::size_t first, std::size_t row, std::size_t rows,
                      std::size_t column, std::size_t columns) const {
    for (std::size_t r = 0; r < rows; r += Plan::kRows) {
      typename Lanes::Floats total[Plan::kRows];
      for (auto& sum : total) sum = Lanes::broadcast(0.0F);
      Plan::template multiply<Lanes>(panel_ + r, columns, strip, total);
      __m512i v[16];
      for (int i = 0; i < 16; ++i) {
        v[i] = _mm512_setzero_si512();
        if (i < Plan::kRows) v[i] = Lanes::as_register(total[i]);
      }
      transpose(v);
      store(v, smaller(p_.n - first, Lanes::kRows), first, row + r, smaller(rows - r, Plan::kRows),
            column != 0);
    }
  }

  // v[i]: results of activation row first + i for `count` rows of weights; `add` to those of
  // earlier columns.
  void store(const __m512i (&v)[16], std::size_t n, std::size_t first, std::size_t row,
             std::size_t count, bool add) const {
    const auto lanes = static_cast<__mmask16>((1u << count) - 1);
    for (std::size_t i = 0; i < n; ++i) {
      float* y = p_.y + (first + i) * p_.y_pitch + row;
      __m512 value = _mm512_castsi512_ps(v[i]);
      if (add) value = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, y), value);
      _mm512_mask_storeu_ps(y, lanes, value);
    }
  }

  const Product& p_;
  StripCount strips_;
  PanelRow* panel_;
  std::byte* strip_space_;
};

}  // namespace
}  // namespace ceiling::cpu
