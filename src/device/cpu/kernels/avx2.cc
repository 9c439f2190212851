// The AVX2 set.
#include "device/cpu/kernels/avx2/entries.h"
#include "device/cpu/kernels/vector_set.h"

namespace ceiling::cpu {
namespace {

struct Avx2 {
  static constexpr std::size_t kPromptRows = 7;
  static constexpr Preparation kPaired = Preparation::q8_paired;
  static constexpr Preparation kHalved = Preparation::q8_halved;
  static constexpr Preparation kIQ4_XS = Preparation::q8_small;
  static constexpr auto few = multiply_few_avx2;
  static constexpr auto trial = multiply_trial_avx2;
  static constexpr auto prompt = multiply_prompt_avx2;
  static constexpr auto prompt_workspace = prompt_workspace_avx2;
  static constexpr auto prompt_float = multiply_prompt_float_avx2;
  static constexpr auto prompt_float_workspace = prompt_float_workspace_avx2;
};

}  // namespace

const KernelSet& avx2_kernels() {
  static constexpr KernelSet set = VectorSet<Avx2>::make();
  return set;
}

}  // namespace ceiling::cpu
