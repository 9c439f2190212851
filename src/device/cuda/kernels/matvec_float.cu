#include <algorithm>

#include "device/cuda/kernels/matvec.cuh"

namespace ceiling::cuda {

void launch_matvec_float(const Stage& stage, const Matvec& job) {
  using enum TensorType;
  if (job.matrix[0].type == F32) return launch_matvec_rows<F32>(stage, job);
  if (job.matrix[0].type == F16) return launch_matvec_rows<F16>(stage, job);
  launch_matvec_rows<BF16>(stage, job);
}

}  // namespace ceiling::cuda
