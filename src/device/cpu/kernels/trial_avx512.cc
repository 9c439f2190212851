// AVX-512: products of one row of activations with work added by the lab.
#include "device/cpu/kernels/decode.h"

#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/rows.h"

namespace ceiling::cpu {

bool multiply_trial_avx512(const Product& product, const Trial& trial) {
  return multiply_trial_by_type<Avx512Rows>(product, trial);
}

}  // namespace ceiling::cpu
