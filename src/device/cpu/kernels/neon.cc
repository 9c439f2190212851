// The NEON set.
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

}  // namespace

const KernelSet& neon_kernels() {
  static constexpr KernelSet set = VectorSet<Neon>::make();
  return set;
}

}  // namespace ceiling::cpu
