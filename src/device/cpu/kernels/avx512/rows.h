// The Row of each type (kernels/decode.h).
#pragma once

#include "device/cpu/kernels/avx512/floats.h"
#include "device/cpu/kernels/avx512/nested_rows.h"
#include "device/cpu/kernels/avx512/small_blocks.h"
#include "device/cpu/kernels/avx512/super_rows.h"
#include "device/cpu/kernels/row_shapes.h"
// after these:
#include "device/cpu/kernels/common_rows.inc"

namespace ceiling::cpu {
namespace {

struct Avx512Rows : CommonRows {
  using IQ4_XS = SuperRow<LanedBlock<LanedIQ4_XS>>;
  using Q2_K = FewOrMany<NestedRow<NestedHalves<SuperQ2_K>>, SuperRow<LanedBlock<LanedQ2_K>>>;
  using Q3_K = FewOrMany<NestedRow<NestedHalves<SuperQ3_K>>, SuperRow<LanedBlock<LanedQ3_K>>>;
  using Q4_K = FewOrMany<NestedPairRow<SuperQ4_K>, SuperRow<LanedBlock<LanedQ4_K>>>;
  using Q5_K = FewOrMany<NestedPairRow<SuperQ5_K>, SuperRow<LanedBlock<LanedQ5_K>>>;
  using Q6_K = FewOrMany<NestedRow<NestedQ6_K>, SuperRow<LanedBlock<LanedQ6_K>>>;
};

}  // namespace
}  // namespace ceiling::cpu
