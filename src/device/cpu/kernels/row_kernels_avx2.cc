#include "device/cpu/kernels/row_kernels.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include "device/cpu/kernels/vector_avx2.h"
//
#include "device/cpu/kernels/row_kernels.inc"

namespace ceiling::cpu {

const RowKernels* avx2_row_kernels() { return &kRowKernels; }

}  // namespace ceiling::cpu
#else
namespace ceiling::cpu {

const RowKernels* avx2_row_kernels() { return nullptr; }

}  // namespace ceiling::cpu
#endif
