// The Row of each type (kernels/decode.h).
#pragma once

#include "device/cpu/kernels/avx2/floats.h"
#include "device/cpu/kernels/avx2/small_blocks.h"
#include "device/cpu/kernels/avx2/super_blocks.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

struct Avx2Rows {
  using F32 = FloatRow<StoredF32>;
  using F16 = FloatRow<StoredF16>;
  using BF16 = FloatRow<StoredBF16>;
  using Q4_0 = SmallRow<SmallQ4_0>;
  using Q4_1 = SmallRow<SmallQ4_1>;
  using Q5_0 = SmallRow<SmallQ5_0>;
  using Q5_1 = SmallRow<SmallQ5_1>;
  using Q8_0 = SmallRow<SmallQ8_0>;
  using IQ4_NL = SmallRow<SmallIQ4_NL>;
  using IQ4_XS = RowIQ4_XS;
  using Q2_K = HalvedRow<SuperQ2_K>;
  using Q3_K = HalvedRow<SuperQ3_K>;
  using Q4_K = PairedRow<SuperQ4_K>;
  using Q5_K = PairedRow<SuperQ5_K>;
  using Q6_K = HalvedRow<SuperQ6_K>;
};

}  // namespace
}  // namespace ceiling::cpu
