#include "device/cpu/kernels/row_kernels.h"

#if defined(__AVX512F__)
#include "device/cpu/kernels/vector_avx512.h"
//
#include "device/cpu/kernels/row_kernels.inc"

namespace ceiling::cpu {

const RowKernels* avx512_row_kernels() { return &kRowKernels; }

}  // namespace ceiling::cpu
#else
namespace ceiling::cpu {

const RowKernels* avx512_row_kernels() { return nullptr; }

}  // namespace ceiling::cpu
#endif
