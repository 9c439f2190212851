// The NEON set, and the same with prompts by int8 matrix multiply.
#include "device/cpu/kernels/neon/entries.h"
#include "device/cpu/kernels/vector_set.h"

namespace ceiling::cpu {
namespace {

struct Neon {
  static constexpr std::size_t kPromptRows = 7;
  static constexpr Preparation kPaired = Preparation::q8_halved;
  static constexpr Preparation kHalved = Preparation::q8_halved;
  static constexpr Preparation kIQ4_XS = Preparation::q8_small;
  static constexpr auto few = multiply_few_neon;
  static constexpr auto prompt = multiply_prompt_neon;
  static constexpr auto prompt_workspace = prompt_workspace_neon;
  static constexpr auto prompt_float = multiply_prompt_float_neon;
  static constexpr auto prompt_float_workspace = prompt_float_workspace_neon;
};

struct NeonI8mm : Neon {
  static constexpr auto prompt = multiply_prompt_neon_i8mm;
  static constexpr auto prompt_workspace = prompt_workspace_neon_i8mm;
};

}  // namespace

const KernelSet& neon_kernels() {
  static constexpr KernelSet set = VectorSet<Neon>::make();
  return set;
}

const KernelSet& neon_i8mm_kernels() {
  static constexpr KernelSet set = VectorSet<NeonI8mm>::make();
  return set;
}

}  // namespace ceiling::cpu
