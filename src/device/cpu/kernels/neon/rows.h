// The Row of each type (kernels/decode.h).
#pragma once

#include "device/cpu/kernels/neon/floats.h"
#include "device/cpu/kernels/neon/small_blocks.h"
#include "device/cpu/kernels/neon/super_blocks.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

struct NeonRows {
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
  using Q2_K = SuperRow<SuperBlock<SuperQ2_K>>;
  using Q3_K = SuperRow<SuperBlock<SuperQ3_K>>;
  using Q4_K = SuperRow<SuperBlock<SuperQ4_K>>;
  using Q5_K = SuperRow<SuperBlock<SuperQ5_K>>;
  using Q6_K = SuperRow<SuperBlock<SuperQ6_K>>;
};

}  // namespace
}  // namespace ceiling::cpu
