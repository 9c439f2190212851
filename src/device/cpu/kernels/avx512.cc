// The AVX-512 set, and the same with prompts through BF16 weights by bf16 arithmetic or AMX tiles.
#include "device/cpu/kernels/amx/entries.h"
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/vector_set.h"

namespace ceiling::cpu {
namespace {

struct Avx512 {
  static constexpr std::size_t kBatchRows = 3;
  static constexpr std::size_t kPromptRows = 9;
  static constexpr Preparation kPaired = Preparation::q8_laned;
  static constexpr Preparation kPairedOfFew = Preparation::q8_nested_pairs;
  static constexpr Preparation kHalvedOfFew = Preparation::q8_nested_halved;
  static constexpr Preparation kQ6_KOfFew = Preparation::q8_nested;
  static constexpr Preparation kHalved = Preparation::q8_laned;
  static constexpr Preparation kIQ4_XS = Preparation::q8_laned;
  static constexpr auto few = multiply_few_avx512;
  static constexpr auto batch = multiply_batch_avx512;
  static constexpr auto has_batch = has_batch_avx512;
  static constexpr auto trial = multiply_trial_avx512;
  static constexpr auto prompt = multiply_prompt_avx512;
  static constexpr auto prompt_workspace = prompt_workspace_avx512;
  static constexpr auto prompt_float = multiply_prompt_float_avx512;
  static constexpr auto prompt_float_workspace = prompt_float_workspace_avx512;
};

struct Avx512Bf16 : Avx512 {
  static constexpr auto prompt_bf16 = multiply_prompt_bf16_avx512;
  static constexpr auto prompt_bf16_workspace = prompt_bf16_workspace_avx512;
  static constexpr auto prepare_bf16 = prepare_bf16_avx512;
};

// By three and four rows of activations, lanes of rows take 27 cycles a block from memory there
// (18 from the cache), lanes of columns 25 (docs/results/decode.md).
struct Zen5 : Avx512Bf16 {
  static constexpr std::size_t kBatchRows = 5;
};

struct Amx : Avx512Bf16 {
  static constexpr auto prompt_bf16 = multiply_prompt_bf16_amx;
  static constexpr auto prompt_bf16_workspace = prompt_bf16_workspace_amx;
};

}  // namespace

const KernelSet& amx_kernels() {
  static constexpr KernelSet set = VectorSet<Amx>::make();
  return set;
}

const KernelSet& zen5_kernels() {
  static constexpr KernelSet set = VectorSet<Zen5>::make();
  return set;
}

const KernelSet& avx512_bf16_kernels() {
  static constexpr KernelSet set = VectorSet<Avx512Bf16>::make();
  return set;
}

const KernelSet& avx512_kernels() {
  static constexpr KernelSet set = VectorSet<Avx512>::make();
  return set;
}

}  // namespace ceiling::cpu
