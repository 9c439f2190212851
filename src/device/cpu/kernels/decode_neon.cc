// NEON with dot product for one and a few rows of activations.
#include "device/cpu/kernels/decode.h"

#include "device/cpu/kernels/neon/entries.h"
#include "device/cpu/kernels/neon/rows.h"

namespace ceiling::cpu {

void multiply_few_neon(const Product& p) { multiply_few_by_type<NeonRows>(p); }

}  // namespace ceiling::cpu
