#include "probe/compute_kernel.h"

namespace ceiling::probe {

std::string_view name(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::f32:
      return "float32";
    case Arithmetic::bf16:
      return "bfloat16";
    case Arithmetic::int8:
      return "int8";
  }
  return "unknown";
}

std::vector<ComputeKernel> compute_kernels() {
  const Isa isa = active_isa();
  std::vector<ComputeKernel> kernels;
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      kernels = {{Arithmetic::f32, "vfmadd, 256 bits", isa, f32_avx2},
                 {Arithmetic::int8, "vpmaddubsw + vpmaddwd, 256 bits", isa, int8_avx2}};
      break;
    case Isa::avx512:
      kernels = {{Arithmetic::f32, "vfmadd, 512 bits", isa, f32_avx512},
                 {Arithmetic::int8, "vpdpbusd, 512 bits", isa, int8_avx512}};
      if (has_avx512_bf16()) {
        kernels.insert(kernels.begin() + 1,
                       {Arithmetic::bf16, "vdpbf16ps, 512 bits", isa, bf16_avx512});
      }
      break;
    case Isa::amx:
      kernels = {{Arithmetic::f32, "vfmadd, 512 bits", isa, f32_avx512},
                 {Arithmetic::bf16, "tdpbf16ps, 16 x 16 tiles", isa, bf16_amx},
                 {Arithmetic::int8, "vpdpbusd, 512 bits", isa, int8_avx512}};
      break;
#elif defined(__aarch64__)
    case Isa::neon:
      kernels = {{Arithmetic::f32, "fmla", isa, f32_neon}};
      if (has_neon_bf16()) kernels.push_back({Arithmetic::bf16, "bfmmla", isa, bf16_neon});
      if (has_neon_i8mm()) {
        kernels.push_back({Arithmetic::int8, "smmla", isa, int8_neon_i8mm});
      } else {
        kernels.push_back({Arithmetic::int8, "sdot", isa, int8_neon});
      }
      break;
#endif
    default:
      kernels = {{Arithmetic::f32, "portable code", isa, f32_portable},
                 {Arithmetic::int8, "portable code", isa, int8_portable}};
  }
  return kernels;
}

}  // namespace ceiling::probe
