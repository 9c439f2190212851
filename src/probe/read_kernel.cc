#include "probe/read_kernel.h"

#include <cstdlib>

namespace ceiling::probe {
namespace {

std::vector<ReadKernel> kernels_of(Isa isa) {
  switch (vectors_of(isa)) {
#if defined(__x86_64__)
    case Isa::avx2:
      return {{"avx2, 4 streams", isa, read_avx2_x4},
              {"avx2, 4 streams fetched ahead", isa, read_avx2_x4_ahead},
              {"avx2, 1 stream", isa, read_avx2}};
    case Isa::avx512:
      return {{"avx512, 4 streams", isa, read_avx512_x4},
              {"avx512, 4 streams fetched ahead", isa, read_avx512_x4_ahead},
              {"avx512, 1 stream", isa, read_avx512}};
#elif defined(__aarch64__)
    case Isa::neon:
      return {{"neon, 4 streams", isa, read_neon_x4}, {"neon, 1 stream", isa, read_neon}};
#endif
    default:
      return {{"portable", Isa::portable, read_portable}};
  }
}

}  // namespace

std::vector<ReadKernel> read_kernels() {
  const char* wanted = std::getenv("CEILING_ISA");
  if (wanted != nullptr && *wanted != '\0') return kernels_of(active_isa());
  std::vector<ReadKernel> all;
  for (const Isa isa : supported_isas()) {
    if (vectors_of(isa) != isa) continue;  // it reads as another set of these does
    for (const ReadKernel& kernel : kernels_of(isa)) all.push_back(kernel);
  }
  return all;
}

}  // namespace ceiling::probe
