// The Row of each type (kernels/decode.h).
#pragma once

#include "device/cpu/kernels/avx2/floats.h"
#include "device/cpu/kernels/avx2/small_blocks.h"
#include "device/cpu/kernels/avx2/super_blocks.h"
#include "device/cpu/kernels/row_shapes.h"
// after these:
#include "device/cpu/kernels/common_rows.inc"

namespace ceiling::cpu {
namespace {

struct Avx2Rows : CommonRows {
  using IQ4_XS = RowIQ4_XS;
  using Q2_K = HalvedRow<SuperQ2_K>;
  using Q3_K = HalvedRow<SuperQ3_K>;
  using Q4_K = PairedRow<SuperQ4_K>;
  using Q5_K = PairedRow<SuperQ5_K>;
  using Q6_K = HalvedRow<SuperQ6_K>;
};

}  // namespace
}  // namespace ceiling::cpu
