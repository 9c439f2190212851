// The Row of each type (kernels/decode.h).
#pragma once

#include "device/cpu/kernels/neon/floats.h"
#include "device/cpu/kernels/neon/small_blocks.h"
#include "device/cpu/kernels/neon/super_blocks.h"
#include "device/cpu/kernels/row_shapes.h"
// after these:
#include "device/cpu/kernels/common_rows.inc"

namespace ceiling::cpu {
namespace {

struct NeonRows : CommonRows {
  using IQ4_XS = RowIQ4_XS;
  using Q2_K = SuperRow<SuperBlock<SuperQ2_K>>;
  using Q3_K = SuperRow<SuperBlock<SuperQ3_K>>;
  using Q4_K = SuperRow<SuperBlock<SuperQ4_K>>;
  using Q5_K = SuperRow<SuperBlock<SuperQ5_K>>;
  using Q6_K = SuperRow<SuperBlock<SuperQ6_K>>;
};

}  // namespace
}  // namespace ceiling::cpu
