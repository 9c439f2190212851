#include "device/cpu/kernels/row_kernels.h"

namespace ceiling::cpu {

const RowKernels& row_kernels(Isa isa) {
  isa = vectors_of(isa);
  const RowKernels* kernels = nullptr;
  if (isa == Isa::avx2) kernels = avx2_row_kernels();
  if (isa == Isa::avx512) kernels = avx512_row_kernels();
  if (isa == Isa::neon) kernels = neon_row_kernels();
  return kernels != nullptr ? *kernels : *portable_row_kernels();
}

}  // namespace ceiling::cpu
