// AVX-512 with VNNI: prompts through weights of the quantised types.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/tile.h"
#include "device/cpu/kernels/prompt.h"

namespace ceiling::cpu {
namespace {

template <typename Unpacker>
struct QuantisedPlan {
  static constexpr std::size_t kColumns = kPanelColumns;
  static constexpr int kRows = kTileRows<Unpacker>;
  using PanelRow = UnpackedRow<Unpacker>;
  using Wide = Lanes16;
  using Narrow = Lanes8;
  template <typename Lanes>
  struct Strip {
    StripBlock<Lanes> block[kPanelBlocks];
  };
  static_assert(kColumns % Unpacker::kColumns == 0);

  template <typename Lanes>
  static void interleave(const std::byte* x, std::size_t x_pitch, std::size_t rows,
                         std::size_t column, std::size_t columns, Strip<Lanes>& strip) {
    x += column / kScaled * sizeof(RowBlock);
    for (std::size_t b = 0; b < columns / kScaled; ++b) {
      interleave_block<Lanes>(x + b * sizeof(RowBlock), x_pitch, rows, strip.block[b]);
    }
  }

  static void unpack(Address w, std::size_t column, std::size_t columns, PanelRow& out) {
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

  template <typename Lanes>
  static void multiply(const PanelRow* panel, std::size_t columns, const Strip<Lanes>& strip,
                       typename Lanes::Floats (&total)[kRows]) {
    multiply_tile<Unpacker, Lanes, kRows>(panel, columns / kScaled, strip.block, total);
  }
};

// Calls action(Plan) for a quantised type.
template <typename Action>
auto with_plan(TensorType type, Action&& action) {
  using enum TensorType;
  switch (type) {
    case Q4_0:
      return action(QuantisedPlan<SmallUnpacker<SmallQ4_0>>{});
    case Q4_1:
      return action(QuantisedPlan<SmallUnpacker<SmallQ4_1>>{});
    case Q5_0:
      return action(QuantisedPlan<SmallUnpacker<SmallQ5_0>>{});
    case Q5_1:
      return action(QuantisedPlan<SmallUnpacker<SmallQ5_1>>{});
    case IQ4_NL:
      return action(QuantisedPlan<SmallUnpacker<SmallIQ4_NL>>{});
    case IQ4_XS:
      return action(QuantisedPlan<UnpackerIQ4_XS>{});
    case Q4_K:
      return action(QuantisedPlan<PairedUnpacker<SuperQ4_K>>{});
    case Q5_K:
      return action(QuantisedPlan<PairedUnpacker<SuperQ5_K>>{});
    case Q2_K:
      return action(QuantisedPlan<HalvedUnpacker<SuperQ2_K>>{});
    case Q3_K:
      return action(QuantisedPlan<HalvedUnpacker<SuperQ3_K>>{});
    case Q6_K:
      return action(QuantisedPlan<HalvedUnpacker<SuperQ6_K>>{});
    default:
      return action(QuantisedPlan<SmallUnpacker<SmallQ8_0>>{});
  }
}

}  // namespace

std::size_t prompt_workspace_avx512(TensorType type, std::size_t n) {
  return with_plan(type, [n](auto plan) { return prompt_workspace<decltype(plan)>(n); });
}

void multiply_prompt_avx512(const Product& product) {
  with_plan(product.type, [&](auto plan) { PromptProduct<decltype(plan)>(product).run(); });
}

}  // namespace ceiling::cpu
