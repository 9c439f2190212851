#include "device/cpu/kernels/row_kernels.h"
// The vectors must come first.
#include "device/cpu/kernels/vector_portable.h"
//
#include "device/cpu/kernels/row_kernels.inc"

namespace ceiling::cpu {

const RowKernels* portable_row_kernels() { return &kRowKernels; }

}  // namespace ceiling::cpu
