// AVX-512 with VNNI for one and a few rows of activations: the weights stream by once, and each
// decoded block meets all activations.
#include "device/cpu/kernels/decode.h"

#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/rows.h"

namespace ceiling::cpu {

void multiply_few_avx512(const Product& p) { multiply_few_by_type<Avx512Rows>(p); }

}  // namespace ceiling::cpu
