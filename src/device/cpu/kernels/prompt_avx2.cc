// AVX2: prompts through weights of the quantised types.
#include "device/cpu/kernels/avx2/entries.h"
#include "device/cpu/kernels/avx2/tile.h"
//
#include "device/cpu/kernels/prompt_types.h"

namespace ceiling::cpu {

std::size_t prompt_workspace_avx2(TensorType type, std::size_t n) {
  return quantised_prompt_workspace<Tile>(type, n);
}

void multiply_prompt_avx2(const Product& product) { multiply_quantised_prompt<Tile>(product); }

}  // namespace ceiling::cpu
