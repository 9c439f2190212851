// AVX-512 with VNNI for batches: a few rows of activations, more than two.
#include "device/cpu/kernels/avx512/batch_product.h"
#include "device/cpu/kernels/avx512/entries.h"

namespace ceiling::cpu {

bool has_batch_avx512(TensorType type) { return type == TensorType::Q4_K; }

void multiply_batch_avx512(const Product& product) { multiply_batch<BatchQ4_K>(product); }

}  // namespace ceiling::cpu
