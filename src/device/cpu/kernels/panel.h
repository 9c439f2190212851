// Weights of prompts, unpacked to bytes: the rows of a panel, one after another, for up to 1024
// columns. A row's bytes are followed by its scales (and minimums) as float32.
#pragma once

#include <bit>

#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/stream.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kPanelColumns = 1024;
constexpr std::size_t kPanelBlocks = kPanelColumns / kScaled;

// A type's unpacker gives for each unit of kColumns columns: where in the unit's bytes a block of
// 32 columns starts and where its eight steps of four columns follow; where in the unit's floats
// the scale of a block (the first of two where kGroups == 2) and its minimum are.
template <typename Unpacker>
struct UnpackedRow {
  static constexpr std::size_t kUnits = kPanelColumns / Unpacker::kColumns;
  alignas(64) std::uint8_t q[kUnits][Unpacker::kColumns];
  float factor[kUnits][Unpacker::kFactors];
};

// Where blocks of a panel row lie, in bytes from its start.
template <typename Unpacker>
struct PanelPlaces {
  struct Block {
    std::uint32_t q, scale, minimum;
  };
  struct Blocks {
    Block at[kPanelBlocks];
  };
  static constexpr Blocks kBlocks = [] {
    Blocks out{};
    constexpr std::size_t in_unit = Unpacker::kColumns / kScaled;
    for (std::size_t b = 0; b < kPanelBlocks; ++b) {
      const std::size_t unit = b / in_unit;
      const std::size_t factors = kPanelColumns + unit * Unpacker::kFactors * sizeof(float);
      out.at[b].q = static_cast<std::uint32_t>(unit * Unpacker::kColumns +
                                               Unpacker::block_bytes(b % in_unit));
      out.at[b].scale =
          static_cast<std::uint32_t>(factors + Unpacker::scale_index(b % in_unit) * sizeof(float));
      out.at[b].minimum = static_cast<std::uint32_t>(
          factors + Unpacker::minimum_index(b % in_unit) * sizeof(float));
    }
    return out;
  }();
};

inline float load_float(Address p) { return std::bit_cast<float>(load32(p)); }

// The columns from `column` on of a row of weights.
template <typename Unpacker>
void unpack_row(Address w, std::size_t column, std::size_t columns, UnpackedRow<Unpacker>& out) {
  static_assert(kPanelColumns % Unpacker::kColumns == 0);
  const Unpacker unpacker{};
  constexpr std::size_t unit_blocks = Unpacker::kColumns / kScaled;
  const std::size_t blocks = columns / kScaled;
  w += column / Unpacker::kColumns * Unpacker::kBytes;
  for (std::size_t unit = 0; unit * unit_blocks < blocks; ++unit, w += Unpacker::kBytes) {
    prefetch_stream<Unpacker::kBytes>(w);
    unpacker.unpack(w, smaller(blocks - unit * unit_blocks, unit_blocks), out.q[unit],
                    out.factor[unit]);
  }
}

}  // namespace
}  // namespace ceiling::cpu
