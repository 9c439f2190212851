#include "device/cuda/kernels/matvec_ring.cuh"

namespace ceiling::cuda {
namespace {

// call.template operator()<type, other>() for the types of a job that has a ring, else nothing.
template <typename Call>
void with_ring(const Matvec& job, Call call) {
  using enum TensorType;
  const TensorType first = job.matrix[0].type;
  const TensorType other = job.matrix[job.count - 1].type;
  if (first == Q4_K && other == Q4_K) return call.template operator()<Q4_K, Q4_K>();
  if (first == Q4_K && other == Q6_K) return call.template operator()<Q4_K, Q6_K>();
  if (first == Q5_K && other == Q5_K) return call.template operator()<Q5_K, Q5_K>();
  if (first == Q5_K && other == Q6_K) return call.template operator()<Q5_K, Q6_K>();
  if (first == Q6_K) return call.template operator()<Q6_K, Q6_K>();
  if (first == Q8_0) return call.template operator()<Q8_0, Q8_0>();
  if (first == F16) return call.template operator()<F16, F16>();
  if (first == BF16) return call.template operator()<BF16, BF16>();
}

// Rows of one piece are over too soon: 1B Q4_K_M ran 2 % slower with rings.
bool is_long(TensorType type, std::uint32_t cols) { return is_float(type) || cols > 2048; }

// Pieces of rows are copied 16 bytes at a time, scales of some types 4.
bool is_aligned(TensorType type, std::uint32_t cols) {
  if (type == TensorType::Q6_K) return cols % 512 == 0;
  if (type == TensorType::Q8_0) return cols % 64 == 0;
  return cols % 8 == 0;
}

}  // namespace

bool matvec_has_ring(const Stage& stage, const Matvec& job) {
  if (job.n != 1) return false;
  for (std::uint32_t i = 0; i < job.count; ++i) {
    const Matrix& matrix = job.matrix[i];
    if (!is_long(matrix.type, matrix.cols) || !is_aligned(matrix.type, matrix.cols)) return false;
  }
  bool fits = false;
  with_ring(
      job, [&]<TensorType type, TensorType other>() { fits = ring_fits<type, other>(stage, job); });
  return fits;
}

void launch_matvec_ring(const Stage& stage, const Matvec& job) {
  with_ring(job, [&]<TensorType type, TensorType other>() {
    launch_matvec_ring_as<type, other>(stage, job);
  });
}

}  // namespace ceiling::cuda
