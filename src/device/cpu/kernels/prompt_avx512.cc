// AVX-512 with VNNI: prompts through weights of the quantised types.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/tile.h"
//
#include "device/cpu/kernels/prompt_types.h"

namespace ceiling::cpu {
namespace {

template <typename Unpacker>
struct Tile {
  using Wide = Lanes32;
  using Narrow = Lanes16;
  using PanelRow = BiasedRow<Unpacker>;
  static constexpr int kRows = kTileRows;
  static void complete_rows(PanelRow* rows) {
    for (int r = 0; r < kRows; ++r) rows[r].set_less_bias();
  }
  template <typename Lanes>
  static void complete_block(StripBlock<Lanes>&) {}
  template <typename Lanes>
  static void multiply(const PanelRow* panel, std::size_t blocks, const StripBlock<Lanes>* strip,
                       typename Lanes::Floats (&total)[kRows]) {
    multiply_tile<Unpacker, Lanes, kRows>(panel, blocks, strip, total);
  }
};

}  // namespace

std::size_t prompt_workspace_avx512(TensorType type, std::size_t n) {
  return quantised_prompt_workspace<Tile>(type, n);
}

void multiply_prompt_avx512(const Product& product) { multiply_quantised_prompt<Tile>(product); }

}  // namespace ceiling::cpu
