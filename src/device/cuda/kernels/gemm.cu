// Matrix times many rows on tensor cores, float16 in, float32 sums; and what goes in.
//
// Tiles of 128 rows x 128 matrix rows x 64 columns, four in flight (cp.async); eight warps of
// 64 x 32. Chunks of 16 bytes are swizzled by row, so that ldmatrix meets no bank conflict.
#include <cuda_fp16.h>

#include <algorithm>

#include "device/cuda/kernels/launch.cuh"
#include "device/cuda/kernels/tensor_core.cuh"

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kTile = 128;  // rows of either side
constexpr unsigned kDepth = 64;  // columns of a tile
constexpr unsigned kStages = 4;
constexpr unsigned kTileHalves = kTile * kDepth;
constexpr std::size_t kGemmShared = std::size_t{kStages} * 2 * kTileHalves * sizeof(__half);

// Rows [first, first + kTile) and columns [column, column + kDepth) of a matrix into shared memory;
// zeros outside of it.
__device__ void fetch_tile(const __half* from, std::uint32_t first, std::uint32_t rows,
                           std::uint32_t cols, std::uint32_t column, __half* to) {
#pragma unroll
  for (unsigned i = 0; i < kTile * (kDepth / 8) / kThreads; ++i) {
    const unsigned chunk = i * kThreads + threadIdx.x;
    const unsigned row = chunk / 8;
    const unsigned place = chunk % 8;
    const std::uint32_t c = column + 8 * place;
    const bool inside = first + row < rows && c < cols;
    const __half* source = inside ? from + std::uint64_t{first + row} * cols + c : from;
    copy_async_16(to + row * kDepth + 8 * (place ^ (row % 8)), source, inside);
  }
}

__global__ void __launch_bounds__(kThreads, 1) gemm(const __grid_constant__ Gemm job) {
  extern __shared__ __align__(128) __half tiles[];
  let_next_start();
  wait_for_previous();
  const auto* x = static_cast<const __half*>(job.x);
  const auto* w = static_cast<const __half*>(job.w);
  const std::uint32_t x_first = blockIdx.x * kTile;
  const std::uint32_t w_first = blockIdx.y * kTile;
  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp_x = warp % 2 * 64;
  const unsigned warp_w = warp / 2 * 32;
  const std::uint32_t steps = (job.cols + kDepth - 1) / kDepth;
  const auto fetch = [&](std::uint32_t step) {
    if (step < steps) {
      __half* to = tiles + step % kStages * 2 * kTileHalves;
      fetch_tile(x, x_first, job.n, job.cols, step * kDepth, to);
      fetch_tile(w, w_first, job.rows, job.cols, step * kDepth, to + kTileHalves);
    }
    commit_async();
  };
  for (unsigned s = 0; s + 1 < kStages; ++s) fetch(s);
  float sums[4][4][4] = {};
  for (std::uint32_t step = 0; step < steps; ++step) {
    wait_async<kStages - 2>();
    __syncthreads();
    fetch(step + kStages - 1);
    const __half* tile_x = tiles + step % kStages * 2 * kTileHalves;
    const __half* tile_w = tile_x + kTileHalves;
#pragma unroll
    for (unsigned k = 0; k < kDepth / 16; ++k) {
      unsigned a[4][4];
      unsigned b[2][4];
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = warp_x + 16 * i + lane % 16;
        load_matrices(a[i], tile_x + row * kDepth + 8 * ((2 * k + lane / 16) ^ (row % 8)));
      }
#pragma unroll
      for (unsigned j = 0; j < 2; ++j) {
        const unsigned row = warp_w + 16 * j + lane % 8 + lane / 16 * 8;
        load_matrices(b[j], tile_w + row * kDepth + 8 * ((2 * k + lane / 8 % 2) ^ (row % 8)));
      }
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
#pragma unroll
        for (unsigned j = 0; j < 4; ++j) {
          multiply_add(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
      }
    }
  }
#pragma unroll
  for (unsigned i = 0; i < 4; ++i) {
#pragma unroll
    for (unsigned e = 0; e < 2; ++e) {
      const std::uint32_t row = x_first + warp_x + 16 * i + lane / 4 + 8 * e;
      if (row >= job.n) continue;
      const float scale = job.scale != nullptr ? __ldcg(job.scale + row) : 1.0F;
#pragma unroll
      for (unsigned j = 0; j < 4; ++j) {
#pragma unroll
        for (unsigned c = 0; c < 2; ++c) {
          const std::uint32_t column = w_first + warp_w + 8 * j + lane % 4 * 2 + c;
          if (column >= job.rows) continue;
          const std::uint64_t at = std::uint64_t{row} * job.pitch + column;
          float value = sums[i][j][2 * e + c] * scale;
          if (job.bias != nullptr) value += job.bias[column];
          if (job.add != nullptr) value += __ldcg(job.add + at);
          job.out[at] = value;
        }
      }
    }
  }
}

__global__ void __launch_bounds__(kThreads)
    gemm_end(const __grid_constant__ Gemm job, const float* product) {
  let_next_start();
  wait_for_previous();
  const std::uint32_t row = blockIdx.y;
  const std::uint32_t column = blockIdx.x * kThreads + threadIdx.x;
  const float scale = job.scale != nullptr ? __ldcg(job.scale + row) : 1.0F;
  if (column >= job.rows) return;
  const std::uint64_t at = std::uint64_t{row} * job.pitch + column;
  float value = __ldcg(product + at) * scale;
  if (job.bias != nullptr) value += job.bias[column];
  if (job.add != nullptr) value += __ldcg(job.add + at);
  job.out[at] = value;
}

// A block a row. A power of two keeps every bit of what it scales.
__global__ void __launch_bounds__(kThreads) half_rows(const __grid_constant__ HalfRows job) {
  __shared__ float scratch[32];
  let_next_start();
  wait_for_previous();
  const std::uint64_t begin = std::uint64_t{blockIdx.x} * job.cols;
  const auto element = [&](std::uint32_t i) {
    const float v = __ldcg(job.x + begin + i);
    return job.gate == nullptr ? v : v * activate(job.activation, __ldcg(job.gate + begin + i));
  };
  float factor = 1;
  if (job.norm != nullptr) {
    float squares = 0;
    for (std::uint32_t i = threadIdx.x; i < job.cols; i += kThreads) {
      squares += element(i) * element(i);
    }
    factor = rsqrtf(block_sum(squares, scratch) / static_cast<float>(job.cols) + job.epsilon);
  }
  const auto ready = [&](std::uint32_t i) {
    const float v = element(i);
    return job.norm == nullptr ? v : v * factor * job.norm[i];
  };
  float largest = 0;
  for (std::uint32_t i = threadIdx.x; i < job.cols; i += kThreads) {
    largest = fmaxf(largest, fabsf(ready(i)));
  }
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, offset));
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = largest;
  __syncthreads();
  for (unsigned i = 0; i < kThreads / 32; ++i) largest = fmaxf(largest, scratch[i]);
  int exponent = 0;
  if (largest > kHalfRowsRoom) frexpf(largest / kHalfRowsRoom, &exponent);
  const float shrink = ldexpf(1.0F, -exponent);
  auto* out = static_cast<__half*>(job.out) + begin;
  for (std::uint32_t i = threadIdx.x; i < job.cols; i += kThreads) {
    const float v = ready(i);
    if (job.normed != nullptr) job.normed[begin + i] = v;
    out[i] = __float2half_rn(v * shrink);
  }
  if (threadIdx.x == 0) job.scale[blockIdx.x] = 1.0F / shrink;
}

}  // namespace

void launch_half_rows(const Stage& stage, const HalfRows& job) {
  launch(stage, half_rows, dim3(job.n), kThreads, 0, job);
}

void launch_gemm(const Stage& stage, const Gemm& job) {
  static const cudaError_t raised =
      cudaFuncSetAttribute(gemm, cudaFuncAttributeMaxDynamicSharedMemorySize, kGemmShared);
  check(raised, "asking for shared memory");
  const dim3 grid((job.n + kTile - 1) / kTile, (job.rows + kTile - 1) / kTile);
  launch(stage, gemm, grid, kThreads, kGemmShared, job);
}

void launch_gemm_end(const Stage& stage, const Gemm& job, const float* product) {
  launch(stage, gemm_end, dim3(blocks_for(job.rows, kThreads), job.n), kThreads, 0, job, product);
}

}  // namespace ceiling::cuda
