// AVX-512 with VNNI for one and a few rows of activations: the weights stream by once, and each
// decoded block meets all activations.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/floats.h"
#include "device/cpu/kernels/avx512/small_blocks.h"
#include "device/cpu/kernels/avx512/super_rows.h"
#include "device/cpu/kernels/rows.h"

namespace ceiling::cpu {

void multiply_few_avx512(const Product& p) {
  using enum TensorType;
  switch (p.type) {
    case F32:
      return multiply_few<FloatRow<StoredF32>>(p);
    case F16:
      return multiply_few<FloatRow<StoredF16>>(p);
    case BF16:
      return multiply_few<FloatRow<StoredBF16>>(p);
    case Q4_0:
      return multiply_few<SmallRow<SmallQ4_0>>(p);
    case Q4_1:
      return multiply_few<SmallRow<SmallQ4_1>>(p);
    case Q5_0:
      return multiply_few<SmallRow<SmallQ5_0>>(p);
    case Q5_1:
      return multiply_few<SmallRow<SmallQ5_1>>(p);
    case Q8_0:
      return multiply_few<SmallRow<SmallQ8_0>>(p);
    case IQ4_NL:
      return multiply_few<SmallRow<SmallIQ4_NL>>(p);
    case IQ4_XS:
      return multiply_few<SuperRow<LanedIQ4_XS>>(p);
    case Q4_K:
      return multiply_few<SuperRow<LanedQ4_K>>(p);
    case Q5_K:
      return multiply_few<SuperRow<LanedQ5_K>>(p);
    case Q2_K:
      return multiply_few<SuperRow<LanedQ2_K>>(p);
    case Q3_K:
      return multiply_few<SuperRow<LanedQ3_K>>(p);
    case Q6_K:
      return multiply_few<SuperRow<LanedQ6_K>>(p);
  }
}

}  // namespace ceiling::cpu
