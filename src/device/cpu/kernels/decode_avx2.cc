// AVX2 for one and a few rows of activations: the weights stream by once, and each
// decoded block meets all activations.
#include "device/cpu/kernels/decode.h"

#include "device/cpu/kernels/avx2/entries.h"
#include "device/cpu/kernels/avx2/rows.h"

namespace ceiling::cpu {

void multiply_few_avx2(const Product& p) { multiply_few_by_type<Avx2Rows>(p); }

}  // namespace ceiling::cpu
