// Prompts through quantised weights: a Plan for prompt.h.
#pragma once

#include "device/cpu/kernels/panel.h"
#include "device/cpu/kernels/prompt.h"
#include "device/cpu/kernels/strips.h"

namespace ceiling::cpu {
namespace {

// Tile gives the Lanes, kRows, PanelRow (an UnpackedRow, and more where it wants more) and
// multiply(panel rows, blocks, strip, total); and, to bring these into the form that it multiplies,
//   complete_rows(rows)       the kRows rows of a tile, unpacked
//   complete_block(block)     a StripBlock, interleaved
template <typename Unpacker, typename Tile>
struct QuantisedPlan {
  static constexpr std::size_t kColumns = kPanelColumns;
  static constexpr int kRows = Tile::kRows;
  using PanelRow = typename Tile::PanelRow;
  using Wide = typename Tile::Wide;
  using Narrow = typename Tile::Narrow;
  template <typename Lanes>
  struct Strip {
    StripBlock<Lanes> block[kPanelBlocks];
  };

  template <typename Lanes>
  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t column, std::size_t columns, Strip<Lanes>& strip) {
    x += column / kScaled * sizeof(RowBlock);
    for (std::size_t b = 0; b < columns / kScaled; ++b) {
      interleave_block<Lanes>(x + b * sizeof(RowBlock), x_pitch, rows, strip.block[b]);
      Tile::complete_block(strip.block[b]);
    }
  }

  static void unpack(Address w, std::size_t column, std::size_t columns, PanelRow& out) {
    unpack_row<Unpacker>(w, column, columns, out);
  }
  static void complete(PanelRow* tile) { Tile::complete_rows(tile); }

  template <typename Lanes>
  static void multiply(const PanelRow* panel, std::size_t columns, const Strip<Lanes>& strip,
                       typename Lanes::Floats (&total)[kRows]) {
    Tile::template multiply<Lanes>(panel, columns / kScaled, strip.block, total);
  }
};

}  // namespace
}  // namespace ceiling::cpu
