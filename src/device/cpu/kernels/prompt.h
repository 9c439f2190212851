// The order of work for prompts, whatever the type and the instruction set. A thread interleaves
// the activations of some columns (a chunk) into strips of rows, unpacks a panel of rows of weights
// for these columns, and multiplies: a weight is unpacked once, activations stay in the nearest
// caches.
//
// A Plan gives:
//   Wide, Narrow              the lanes of a strip, and of a last one that needs no more; they may
//                             be the same
//   kColumns                  of a chunk
//   kRows                     rows of weights of a tile, whose sums registers hold
//   PanelRow                  a row of weights of a chunk, unpacked
//   Strip<Lanes>              a strip of activations of a chunk
//   interleave(x, x_pitch, rows, column, columns, strip)
//   unpack(row, column, columns, panel_row)
//   complete(panel_rows)      after the kRows rows of a tile are unpacked
//   multiply(panel_rows, columns, strip, total)   total[r] lane i += row r times activations i
#pragma once

#include "device/cpu/kernels/kernel_set.h"
#include "device/cpu/kernels/stream.h"
#include "device/cpu/kernels/tile_out.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kPanelTiles = 4;

// Rows of activations as wide strips and perhaps a last, narrow one.
template <typename Plan>
struct StripCount {
  static constexpr std::size_t kWide = Plan::Wide::kRows;
  static constexpr std::size_t kNarrow = Plan::Narrow::kRows;
  std::size_t wide;
  bool narrow;
  explicit StripCount(std::size_t n) : wide(n / kWide), narrow(false) {
    const std::size_t rest = n % kWide;
    narrow = kNarrow < kWide && rest != 0 && rest <= kNarrow;
    if (rest != 0 && !narrow) ++wide;
  }
};

template <typename Plan>
std::size_t prompt_workspace(std::size_t n) {
  const StripCount<Plan> strips(n);
  return kPanelTiles * Plan::kRows * sizeof(typename Plan::PanelRow) +
         strips.wide * sizeof(typename Plan::template Strip<typename Plan::Wide>) +
         (strips.narrow ? sizeof(typename Plan::template Strip<typename Plan::Narrow>) : 0);
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
  using Wide = typename Plan::Wide;
  using Narrow = typename Plan::Narrow;
  using WideStrip = typename Plan::template Strip<Wide>;
  using NarrowStrip = typename Plan::template Strip<Narrow>;

  WideStrip& wide(std::size_t index) const {
    return reinterpret_cast<WideStrip*>(strip_space_)[index];
  }
  NarrowStrip& narrow() const { return reinterpret_cast<NarrowStrip&>(wide(strips_.wide)); }

  void interleave(std::size_t column, std::size_t columns) const {
    const auto rows_from = [&](std::size_t first, std::size_t most, auto& strip) {
      Plan::interleave(p_.prepared + first * p_.prepared_pitch, p_.prepared_pitch,
                       smaller(p_.n - first, most), column, columns, strip);
    };
    for (std::size_t s = 0; s < strips_.wide; ++s) rows_from(s * Wide::kRows, Wide::kRows, wide(s));
    if (strips_.narrow) rows_from(strips_.wide * Wide::kRows, Narrow::kRows, narrow());
  }

  // Rows of a tile beyond the matrix repeat its last row; their results are not stored.
  void unpack(std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) const {
    for (std::size_t tile = 0; tile < rows; tile += Plan::kRows) {
      for (std::size_t r = tile; r < tile + Plan::kRows; ++r) {
        const std::byte* w = p_.weights + (row + smaller(r, rows - 1)) * p_.row_bytes;
        Plan::unpack(reinterpret_cast<Address>(w), column, columns, panel_[r]);
      }
      Plan::complete(panel_ + tile);
    }
  }

  void multiply(std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) const {
    for (std::size_t s = 0; s < strips_.wide; ++s) {
      multiply_strip<Wide>(wide(s), s * Wide::kRows, row, rows, column, columns);
    }
    if (strips_.narrow) {
      multiply_strip<Narrow>(narrow(), strips_.wide * Wide::kRows, row, rows, column, columns);
    }
  }

  template <typename Lanes, typename Strip>
  void multiply_strip(const Strip& strip, std::size_t first, std::size_t row, std::size_t rows,
                      std::size_t column, std::size_t columns) const {
    for (std::size_t r = 0; r < rows; r += Plan::kRows) {
      typename Lanes::Floats total[Plan::kRows];
      for (auto& sum : total) sum = Lanes::broadcast(0.0F);
      Plan::template multiply<Lanes>(panel_ + r, columns, strip, total);
      Lanes::store_tile(total, {.y = p_.y + first * p_.y_pitch + row + r,
                                .pitch = p_.y_pitch,
                                .activations = smaller(p_.n - first, Lanes::kRows),
                                .rows = smaller(rows - r, Plan::kRows),
                                .add = column != 0});
    }
  }

  const Product& p_;
  StripCount<Plan> strips_;
  PanelRow* panel_;
  std::byte* strip_space_;
};

}  // namespace
}  // namespace ceiling::cpu
