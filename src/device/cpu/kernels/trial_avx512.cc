// AVX-512: products of one row of activations with work added by the lab.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/floats.h"
#include "device/cpu/kernels/avx512/small_blocks.h"
#include "device/cpu/kernels/avx512/super_rows.h"
#include "device/cpu/kernels/trial.h"

namespace ceiling::cpu {
namespace {

template <typename Row>
bool run(const Product& product, const Trial& trial) {
  if (product.row_begin < product.row_end) {
    multiply_one<Row, AddedWork>(product, 0, AddedWork(trial));
  }
  return true;
}

}  // namespace

bool multiply_trial_avx512(const Product& product, const Trial& trial) {
  using enum TensorType;
  switch (product.type) {
    case F16:
      return run<FloatRow<StoredF16>>(product, trial);
    case Q4_0:
      return run<SmallRow<SmallQ4_0>>(product, trial);
    case Q8_0:
      return run<SmallRow<SmallQ8_0>>(product, trial);
    case Q4_K:
      return run<SuperRow<LanedQ4_K>>(product, trial);
    case Q6_K:
      return run<SuperRow<LanedQ6_K>>(product, trial);
    default:
      return false;
  }
}

}  // namespace ceiling::cpu
