#include <algorithm>

#include "device/cuda/kernels/matvec.cuh"

namespace ceiling::cuda {

void launch_matvec_small_blocks(const Stage& stage, const Matvec& job) {
  using enum TensorType;
  switch (job.matrix[0].type) {
    case Q4_0:
      return launch_matvec_rows<Q4_0, Q4_0, 2>(stage, job);
    case Q4_1:
      return launch_matvec_rows<Q4_1, Q4_1, 2>(stage, job);
    case Q5_0:
      return launch_matvec_rows<Q5_0, Q5_0, 2>(stage, job);
    case Q5_1:
      return launch_matvec_rows<Q5_1, Q5_1, 2>(stage, job);
    case IQ4_NL:
      return launch_matvec_rows<IQ4_NL, IQ4_NL, 2>(stage, job);
    case IQ4_XS:
      return launch_matvec_rows<IQ4_XS, IQ4_XS, 2>(stage, job);
    default:
      return launch_matvec_rows<Q8_0>(stage, job);
  }
}

}  // namespace ceiling::cuda
