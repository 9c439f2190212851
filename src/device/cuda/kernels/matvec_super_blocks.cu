#include <algorithm>

#include "device/cuda/kernels/matvec.cuh"

namespace ceiling::cuda {
namespace {

TensorType other_type(const Matvec& job) {
  return job.first_other < job.count ? job.matrix[job.count - 1].type : job.matrix[0].type;
}

}  // namespace

bool matvec_pairs(TensorType first, TensorType other) {
  using enum TensorType;
  return first == other || ((first == Q4_K || first == Q5_K) && other == Q6_K);
}

bool matvec_fits(const Stage& stage, const Matvec& job) {
  const unsigned rows = job.n == 1 ? 1 : (job.n <= 4 ? 4 : 8);
  for (std::uint32_t i = 0; i < job.count; ++i) {
    const Matrix& matrix = job.matrix[i];
    if (matvec_shared(rows, matrix.type, matrix.cols, job.norm != nullptr) > stage.shared_limit) {
      return false;
    }
  }
  return job.n <= Matvec::kMostRows;
}

void launch_matvec(const Stage& stage, const Matvec& job) {
  using enum TensorType;
  if (matvec_has_ring(stage, job)) return launch_matvec_ring(stage, job);
  switch (job.matrix[0].type) {
    case F32:
    case F16:
    case BF16:
      return launch_matvec_float(stage, job);
    case Q2_K:
    case Q3_K:
    case Q4_K:
    case Q5_K:
    case Q6_K:
      return launch_matvec_super_blocks(stage, job);
    default:
      return launch_matvec_small_blocks(stage, job);
  }
}

void launch_matvec_super_blocks(const Stage& stage, const Matvec& job) {
  using enum TensorType;
  const TensorType other = other_type(job);
  switch (job.matrix[0].type) {
    case Q2_K:
      return launch_matvec_rows<Q2_K, Q2_K, 2>(stage, job);
    case Q3_K:
      return launch_matvec_rows<Q3_K, Q3_K, 2>(stage, job);
    case Q4_K:
      if (other == Q6_K) return launch_matvec_rows<Q4_K, Q6_K>(stage, job);
      return launch_matvec_rows<Q4_K>(stage, job);
    case Q5_K:
      if (other == Q6_K) return launch_matvec_rows<Q5_K, Q6_K, 2>(stage, job);
      return launch_matvec_rows<Q5_K, Q5_K, 2>(stage, job);
    default:
      return launch_matvec_rows<Q6_K>(stage, job);
  }
}

}  // namespace ceiling::cuda
