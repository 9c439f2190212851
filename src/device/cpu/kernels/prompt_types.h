// Which unpacker a tensor type takes for prompts: the same for each instruction set. A set's source
// includes this after its types and unpackers (SmallUnpacker, PairedUnpacker, HalvedUnpacker,
// UnpackerIQ4_XS).
#pragma once

#include "device/cpu/kernels/quantised_plan.h"

namespace ceiling::cpu {
namespace {

// Calls action(Plan) for a quantised type.
template <template <typename> typename Tile, typename Action>
auto with_quantised_plan(TensorType type, Action&& action) {
  const auto with = [&]<typename Unpacker>(Unpacker) {
    return action(QuantisedPlan<Unpacker, Tile<Unpacker>>{});
  };
  using enum TensorType;
  switch (type) {
    case Q4_0:
      return with(SmallUnpacker<SmallQ4_0>{});
    case Q4_1:
      return with(SmallUnpacker<SmallQ4_1>{});
    case Q5_0:
      return with(SmallUnpacker<SmallQ5_0>{});
    case Q5_1:
      return with(SmallUnpacker<SmallQ5_1>{});
    case IQ4_NL:
      return with(SmallUnpacker<SmallIQ4_NL>{});
    case IQ4_XS:
      return with(UnpackerIQ4_XS{});
    case Q4_K:
      return with(PairedUnpacker<SuperQ4_K>{});
    case Q5_K:
      return with(PairedUnpacker<SuperQ5_K>{});
    case Q2_K:
      return with(HalvedUnpacker<SuperQ2_K>{});
    case Q3_K:
      return with(HalvedUnpacker<SuperQ3_K>{});
    case Q6_K:
      return with(HalvedUnpacker<SuperQ6_K>{});
    default:
      return with(SmallUnpacker<SmallQ8_0>{});
  }
}

template <template <typename> typename Tile>
std::size_t quantised_prompt_workspace(TensorType type, std::size_t n) {
  return with_quantised_plan<Tile>(type,
                                   [n](auto plan) { return prompt_workspace<decltype(plan)>(n); });
}

template <template <typename> typename Tile>
void multiply_quantised_prompt(const Product& product) {
  with_quantised_plan<Tile>(product.type,
                            [&](auto plan) { PromptProduct<decltype(plan)>(product).run(); });
}

}  // namespace
}  // namespace ceiling::cpu
