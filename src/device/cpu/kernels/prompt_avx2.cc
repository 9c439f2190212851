// AVX2: prompts through weights of the quantised types.
#include "device/cpu/kernels/avx2/entries.h"
#include "device/cpu/kernels/avx2/tile.h"
#include "device/cpu/kernels/quantised_plan.h"

namespace ceiling::cpu {
namespace {

template <typename Unpacker>
using Plan = QuantisedPlan<Unpacker, Tile<Unpacker>>;

// Calls action(Plan) for a quantised type. The run is what 16 bits hold: run x 2 x the largest byte
// x 127 is below 32768.
template <typename Action>
auto with_plan(TensorType type, Action&& action) {
  using enum TensorType;
  switch (type) {
    case Q4_0:
      return action(Plan<SmallUnpacker<SmallQ4_0, 8>>{});
    case Q4_1:
      return action(Plan<SmallUnpacker<SmallQ4_1, 8>>{});
    case Q5_0:
      return action(Plan<SmallUnpacker<SmallQ5_0, 4>>{});
    case Q5_1:
      return action(Plan<SmallUnpacker<SmallQ5_1, 4>>{});
    case IQ4_NL:
      return action(Plan<SmallUnpacker<SmallIQ4_NL, 1>>{});
    case IQ4_XS:
      return action(Plan<UnpackerIQ4_XS>{});
    case Q4_K:
      return action(Plan<PairedUnpacker<SuperQ4_K, 8>>{});
    case Q5_K:
      return action(Plan<PairedUnpacker<SuperQ5_K, 4>>{});
    case Q2_K:
      return action(Plan<HalvedUnpacker<SuperQ2_K, 8>>{});
    case Q3_K:
      return action(Plan<HalvedUnpacker<SuperQ3_K, 8>>{});
    case Q6_K:
      return action(Plan<HalvedUnpacker<SuperQ6_K, 2>>{});
    default:
      return action(Plan<SmallUnpacker<SmallQ8_0, 1>>{});
  }
}

}  // namespace

std::size_t prompt_workspace_avx2(TensorType type, std::size_t n) {
  return with_plan(type, [n](auto plan) { return prompt_workspace<decltype(plan)>(n); });
}

void multiply_prompt_avx2(const Product& product) {
  with_plan(product.type, [&](auto plan) { PromptProduct<decltype(plan)>(product).run(); });
}

}  // namespace ceiling::cpu
