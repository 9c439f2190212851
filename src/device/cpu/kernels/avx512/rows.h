// The Row of each type (kernels/decode.h).
#pragma once

#include "device/cpu/kernels/avx512/floats.h"
#include "device/cpu/kernels/avx512/small_blocks.h"
#include "device/cpu/kernels/avx512/super_rows.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

struct Avx512Rows {
  using F32 = FloatRow<StoredF32>;
  using F16 = FloatRow<StoredF16>;
  using BF16 = FloatRow<StoredBF16>;
  using Q4_0 = SmallRow<SmallQ4_0>;
  using Q4_1 = SmallRow<SmallQ4_1>;
  using Q5_0 = SmallRow<SmallQ5_0>;
  using Q5_1 = SmallRow<SmallQ5_1>;
  using Q8_0 = SmallRow<SmallQ8_0>;
  using IQ4_NL = SmallRow<SmallIQ4_NL>;
  using IQ4_XS = SuperRow<LanedBlock<LanedIQ4_XS>>;
  using Q2_K = SuperRow<LanedBlock<LanedQ2_K>>;
  using Q3_K = SuperRow<LanedBlock<LanedQ3_K>>;
  using Q4_K = SuperRow<LanedBlock<LanedQ4_K>>;
  using Q5_K = SuperRow<LanedBlock<LanedQ5_K>>;
  using Q6_K = SuperRow<LanedBlock<LanedQ6_K>>;
};

}  // namespace
}  // namespace ceiling::cpu
