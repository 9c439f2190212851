// NEON with int8 matrix multiply: prompts through weights of the quantised types.
#include "device/cpu/kernels/neon/entries.h"
#include "device/cpu/kernels/neon/tile_i8mm.h"
//
#include "device/cpu/kernels/prompt_types.h"

namespace ceiling::cpu {

std::size_t prompt_workspace_neon_i8mm(TensorType type, std::size_t n) {
  return quantised_prompt_workspace<MatrixTile>(type, n);
}

void multiply_prompt_neon_i8mm(const Product& product) {
  multiply_quantised_prompt<MatrixTile>(product);
}

}  // namespace ceiling::cpu
