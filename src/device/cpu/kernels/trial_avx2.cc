// AVX2: products of one row of activations with work added by the lab.
#include "device/cpu/kernels/decode.h"

#include "device/cpu/kernels/avx2/entries.h"
#include "device/cpu/kernels/avx2/rows.h"

namespace ceiling::cpu {

bool multiply_trial_avx2(const Product& product, const Trial& trial) {
  return multiply_trial_by_type<Avx2Rows>(product, trial);
}

}  // namespace ceiling::cpu
