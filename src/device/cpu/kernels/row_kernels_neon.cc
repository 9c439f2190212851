#include "device/cpu/kernels/row_kernels.h"

#if defined(__aarch64__)
#include "device/cpu/kernels/vector_neon.h"
//
#include "device/cpu/kernels/row_kernels.inc"

namespace ceiling::cpu {

const RowKernels* neon_row_kernels() { return &kRowKernels; }

}  // namespace ceiling::cpu
#else
namespace ceiling::cpu {

const RowKernels* neon_row_kernels() { return nullptr; }

}  // namespace ceiling::cpu
#endif
