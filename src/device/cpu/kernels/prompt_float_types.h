// Prompts through float weights in float32, for each instruction set the same. A set's source
// includes this after StoredF32, StoredF16 and StoredBF16.
#pragma once

#include "device/cpu/kernels/float_plan.h"

namespace ceiling::cpu {
namespace {

template <template <typename> typename InFloat32>
std::size_t float_prompt_workspace(std::size_t n) {
  return prompt_workspace<FloatPlan<InFloat32<StoredF32>>>(n);
}

template <template <typename> typename InFloat32>
void multiply_float_prompt(const Product& product) {
  switch (product.type) {
    case TensorType::F16:
      return PromptProduct<FloatPlan<InFloat32<StoredF16>>>(product).run();
    case TensorType::BF16:
      return PromptProduct<FloatPlan<InFloat32<StoredBF16>>>(product).run();
    default:
      return PromptProduct<FloatPlan<InFloat32<StoredF32>>>(product).run();
  }
}

}  // namespace
}  // namespace ceiling::cpu
