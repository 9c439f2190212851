// Matrices times one row: each warp has a ring of weights in shared memory.
//
// A warp owns whole rows of the matrices and copies pieces of them into its ring, where they wait
// for the activations of the kernel before this one: what is on its way needs no registers, so that
// more of it is, and 32 warps share the work. No barrier stands between the first piece and the
// last.
#pragma once

#include <algorithm>

#include "device/cuda/kernels/matvec_stages.cuh"

namespace ceiling::cuda {

constexpr unsigned kRingWarps = 32;
constexpr std::uint32_t kRingBytes = 4608;  // of one warp
constexpr std::uint32_t kGroupRows = 16;    // neighbours that one block has: they are read together

template <TensorType type, TensorType other>
struct Ring {
  static constexpr std::uint32_t kColumns = Staged<type>::kColumns;
  static constexpr std::uint32_t kStage =
      std::max(Staged<type>::kBytes, Staged<other>::kBytes);  // bytes
  static constexpr std::uint32_t kStages = kRingBytes / kStage;
  static constexpr std::size_t kBytes = std::size_t{kRingWarps} * kStages * kStage;
  static_assert(Staged<other>::kColumns == kColumns && kStages >= 2 && kStage % 16 == 0);
};

// Shared memory: the row, the norm's weights, the rings.
template <TensorType type>
std::size_t ring_offset(std::uint32_t cols, bool norm) {
  return OneRow<!is_float(type)>::bytes(cols) + (norm ? cols * sizeof(float) : 0);
}

// The rows of one warp, piece after piece; of a gated job a row of the gate, then of what it
// multiplies. Two cursors: of the row in work and of the next piece to fetch.
template <TensorType type, TensorType other>
class RingRows {
 public:
  using R = Ring<type, other>;
  __device__ RingRows(const Matvec& job, std::uint8_t* rings)
      : job_(job),
        cols_(job.matrix[0].cols),
        ring_(rings + threadIdx.x / 32 * R::kStages * R::kStage) {
    all_rows_ = job.matrix[0].rows;
    for (std::uint32_t i = 1; i < job.count && !job.gated; ++i) all_rows_ += job.matrix[i].rows;
    at_.number = threadIdx.x / 32;
    find(at_);
    next_ = at_;
    start();
#pragma unroll 1
    for (std::uint32_t place = 0; place < R::kStages * R::kStage; place += R::kStage) fetch(place);
  }
  // After the wait: what is added to the first row.
  __device__ void fetch_residual() {
    if (job_.add != nullptr && real(at_)) residual_ = __ldcg(job_.add + at_.in_matrix);
  }
  template <typename X>
  __device__ void run(const X& x, float factor) {
    const std::uint32_t passes = job_.gated ? 2 : 1;
    std::uint32_t place = 0;
    while (real(at_)) {
      const bool of_other = is_other(at_);
      float gate = 0;
      float sum = 0;
#pragma unroll 1
      for (std::uint32_t pass = 0; pass < passes; ++pass) {
        gate = sum;
        sum = 0;
#pragma unroll 1
        for (std::uint32_t column = 0; column < cols_; column += R::kColumns) {
          wait_async<static_cast<int>(R::kStages) - 1>();
          __syncwarp();
          if (of_other) {
            Staged<other>::multiply(ring_ + place, x, cols_, column, sum);
          } else {
            Staged<type>::multiply(ring_ + place, x, cols_, column, sum);
          }
          __syncwarp();  // all have read the piece
          fetch(place);
          place = place == (R::kStages - 1) * R::kStage ? 0 : place + R::kStage;
        }
      }
      write(warp_sum(sum) * factor, job_.gated ? warp_sum(gate) * factor : 0);
      at_.number += kRingWarps;
      find(at_);
      fetch_residual();
    }
  }

 private:
  struct Cursor {
    std::uint32_t number = 0;  // among the block's rows
    std::uint32_t row = 0;     // of all matrices, one after another; of a gated job of each
    std::uint32_t matrix = 0, in_matrix = 0;
  };

  __device__ bool real(const Cursor& at) const { return at.row < all_rows_; }
  __device__ bool is_other(const Cursor& at) const {
    return type != other && at.matrix >= job_.first_other;
  }
  __device__ void find(Cursor& at) const {
    at.row =
        (at.number / kGroupRows * gridDim.x + blockIdx.x) * kGroupRows + at.number % kGroupRows;
    at.matrix = 0;
    at.in_matrix = at.row;
    if (job_.gated || !real(at)) return;
    while (at.in_matrix >= job_.matrix[at.matrix].rows) {
      at.in_matrix -= job_.matrix[at.matrix++].rows;
    }
  }
  __device__ void start() {
    column_ = 0;
    if (!real(next_)) return;
    const Matrix& matrix = job_.matrix[next_.matrix];
    if (is_other(next_)) {
      other_source_.start(matrix, cols_, next_.in_matrix);
    } else {
      source_.start(matrix, cols_, next_.in_matrix);
    }
  }
  __device__ void fetch(std::uint32_t place) {
    if (real(next_)) {
      const std::uint32_t columns = min(R::kColumns, cols_ - column_);
      if (is_other(next_)) {
        other_source_.copy(ring_ + place, columns);
      } else {
        source_.copy(ring_ + place, columns);
      }
      column_ += R::kColumns;
      if (column_ >= cols_) end_row();
    }
    commit_async();  // an empty group keeps the count
  }
  __device__ void end_row() {
    if (job_.gated && next_.matrix == 0) {
      next_.matrix = 1;
    } else {
      next_.number += kRingWarps;
      find(next_);
    }
    start();
  }
  __device__ void write(float sum, float gate) const {
    if (threadIdx.x % 32 != 0) return;
    if (job_.gated) sum *= activate(job_.activation, gate);
    const Output& output = job_.output[at_.matrix];
    if (output.bias != nullptr) sum += __ldg(output.bias + at_.in_matrix);
    output.out[at_.in_matrix] = sum + residual_;
  }

  const Matvec& job_;
  std::uint32_t cols_, all_rows_;
  std::uint8_t* ring_;
  Cursor at_, next_;
  std::uint32_t column_ = 0;  // of the next piece
  float residual_ = 0;
  typename Staged<type>::Source source_;
  typename Staged<other>::Source other_source_;
};

template <TensorType type, TensorType other>
__global__ void __launch_bounds__(kRingWarps * 32, 1)
    matvec_ring(const __grid_constant__ Matvec job, std::uint32_t ring_at) {
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ float squares[kRingWarps];
  constexpr unsigned kThreads = kRingWarps * 32;
  using Row = OneRow<!is_float(type)>;
  let_next_start();
  RingRows<type, other> rows(job, shared + ring_at);
  const std::uint32_t cols = job.matrix[0].cols;
  auto* norm = reinterpret_cast<float4*>(shared + Row::bytes(cols));
  fetch_norm<kThreads>(job, cols, norm);
  wait_for_previous();
  rows.fetch_residual();
  const Row x = prepare_row<type, kThreads>(job, shared, norm, squares);
  __syncthreads();
  const float factor = norm_factor<kRingWarps>(job, squares);
  rows.run(x, factor);
  if (job.normed != nullptr && blockIdx.x == 0) {
    for (std::uint32_t i = threadIdx.x; i < cols; i += kThreads) {
      job.normed[i] = __ldcg(job.x + i) * job.norm[i] * factor;
    }
  }
}

template <TensorType type, TensorType other>
bool ring_fits(const Stage& stage, const Matvec& job) {
  return ring_offset<type>(job.matrix[0].cols, job.norm != nullptr) + Ring<type, other>::kBytes <=
         stage.shared_limit;
}

template <TensorType type, TensorType other = type>
void launch_matvec_ring_as(const Stage& stage, const Matvec& job) {
  const auto kernel = matvec_ring<type, other>;
  static const cudaError_t raised = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(stage.shared_limit));
  check(raised, "asking for shared memory");
  const std::size_t at = ring_offset<type>(job.matrix[0].cols, job.norm != nullptr);
  launch(stage, kernel, dim3(stage.multiprocessors), kRingWarps * 32,
         at + Ring<type, other>::kBytes, job, static_cast<std::uint32_t>(at));
}

}  // namespace ceiling::cuda
