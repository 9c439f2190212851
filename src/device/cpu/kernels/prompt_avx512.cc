// AVX-512 with VNNI: prompts through weights of the quantised types.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/tile.h"
#include "device/cpu/kernels/quantised_plan.h"

namespace ceiling::cpu {
namespace {

template <typename Unpacker>
struct Tile {
  using Wide = Lanes16;
  using Narrow = Lanes8;
  static constexpr int kRows = kTileRows<Unpacker>;
  template <typename Lanes>
  static void multiply(const UnpackedRow<Unpacker>* panel, std::size_t blocks,
                       const StripBlock<Lanes>* strip, typename Lanes::Floats (&total)[kRows]) {
    multiply_tile<Unpacker, Lanes, kRows>(panel, blocks, strip, total);
  }
};

template <typename Unpacker>
using Plan = QuantisedPlan<Unpacker, Tile<Unpacker>>;

// Calls action(Plan) for a quantised type.
template <typename Action>
auto with_plan(TensorType type, Action&& action) {
  using enum TensorType;
  switch (type) {
    case Q4_0:
      return action(Plan<SmallUnpacker<SmallQ4_0>>{});
    case Q4_1:
      return action(Plan<SmallUnpacker<SmallQ4_1>>{});
    case Q5_0:
      return action(Plan<SmallUnpacker<SmallQ5_0>>{});
    case Q5_1:
      return action(Plan<SmallUnpacker<SmallQ5_1>>{});
    case IQ4_NL:
      return action(Plan<SmallUnpacker<SmallIQ4_NL>>{});
    case IQ4_XS:
      return action(Plan<UnpackerIQ4_XS>{});
    case Q4_K:
      return action(Plan<PairedUnpacker<SuperQ4_K>>{});
    case Q5_K:
      return action(Plan<PairedUnpacker<SuperQ5_K>>{});
    case Q2_K:
      return action(Plan<HalvedUnpacker<SuperQ2_K>>{});
    case Q3_K:
      return action(Plan<HalvedUnpacker<SuperQ3_K>>{});
    case Q6_K:
      return action(Plan<HalvedUnpacker<SuperQ6_K>>{});
    default:
      return action(Plan<SmallUnpacker<SmallQ8_0>>{});
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
