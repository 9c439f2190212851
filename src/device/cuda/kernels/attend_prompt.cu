// Attention of a prompt on tensor cores: 64 rows of one head a block, a page of positions at a
// time, a softmax under way (Dao 2023). A warp holds 16 rows; scores never leave its registers.
#include <cuda_fp16.h>

#include <algorithm>

#include "device/cuda/kernels/launch.cuh"
#include "device/cuda/kernels/tensor_core.cuh"

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr unsigned kRows = 64;       // of a block
constexpr unsigned kPositions = 64;  // of a tile: one page
constexpr float kLog2e = 1.4426950408889634F;

// Element (row, 8 chunk) of a tile of `width` columns in shared memory, swizzled against conflicts.
template <int width>
__device__ unsigned place(unsigned row, unsigned chunk) {
  return row * width + 8 * (chunk ^ (row % 8));
}

template <int width>
__device__ void fetch_page(const std::uint8_t* page, const KvPlane& plane, std::uint32_t kv_head,
                           __half* to) {
  const auto* from = reinterpret_cast<const __half*>(page + plane.offset) +
                     std::uint64_t{kv_head} * kPositions * width;
#pragma unroll
  for (unsigned i = 0; i < kPositions * width / 8 / kThreads; ++i) {
    const unsigned chunk = i * kThreads + threadIdx.x;
    const unsigned row = chunk / (width / 8);
    copy_async_16(to + place<width>(row, chunk % (width / 8)), from + 8 * chunk, true);
  }
}

__device__ inline unsigned pack(float a, float b) {
  const __half2 pair = __floats2half2_rn(a, b);
  return *reinterpret_cast<const unsigned*>(&pair);
}

template <int width>
__global__ void __launch_bounds__(kThreads) attend_prompt(const __grid_constant__ Attend job) {
  extern __shared__ __align__(128) __half shared[];
  __half* const queries = shared;
  __half* const pages = shared + kRows * width;  // keys and values, twice
  constexpr unsigned kTile = kPositions * width;
  let_next_start();
  wait_for_previous();
  const std::uint32_t head = blockIdx.y;
  const std::uint32_t kv_head = head / (job.heads / job.kv.kv_heads);
  const std::uint32_t first_row = (gridDim.x - 1 - blockIdx.x) * kRows;  // the longest go first
  const std::uint32_t start = job.rows.position[0] + first_row;          // position of first_row
  const std::uint32_t* table = job.rows.pages + job.rows.table[0];
  const std::uint32_t last = job.rows.position[0] + min(first_row + kRows, job.n) - 1;
  const std::uint32_t oldest =
      job.window != 0 && start + 1 > job.window ? start + 1 - job.window : 0;
  const std::uint32_t begin_page = oldest / kPositions;
  const std::uint32_t end_page = last / kPositions + 1;
  const auto fetch = [&](std::uint32_t page) {
    if (page < end_page) {
      const std::uint8_t* from = job.kv.base + table[page] * job.kv.page_bytes;
      __half* to = pages + (page - begin_page) % 2 * 2 * kTile;
      fetch_page<width>(from, job.kv.key, kv_head, to);
      fetch_page<width>(from, job.kv.value, kv_head, to + kTile);
    }
    commit_async();
  };
  fetch(begin_page);
  for (unsigned i = threadIdx.x; i < kRows * width / 4; i += kThreads) {
    const unsigned row = i / (width / 4);
    const unsigned column = i % (width / 4) * 4;
    float4 q{0, 0, 0, 0};
    if (first_row + row < job.n && column < job.kv.key.width) {
      q = __ldcg(reinterpret_cast<const float4*>(
          job.query + (std::uint64_t{first_row + row} * job.heads + head) * job.kv.key.width +
          column));
    }
    uint2 bits{pack(q.x, q.y), pack(q.z, q.w)};
    *reinterpret_cast<uint2*>(queries + place<width>(row, column / 8) + column % 8) = bits;
  }

  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  float out[width / 8][4] = {};
  float highest[2] = {-3.0e38F, -3.0e38F};
  float sum[2] = {0, 0};
  for (std::uint32_t page = begin_page; page < end_page; ++page) {
    wait_async<0>();
    __syncthreads();
    fetch(page + 1);
    const __half* keys = pages + (page - begin_page) % 2 * 2 * kTile;
    const __half* values = keys + kTile;
    float scores[kPositions / 8][4] = {};
#pragma unroll
    for (unsigned k = 0; k < width / 16; ++k) {
      unsigned a[4];
      load_matrices(a, queries + place<width>(16 * warp + lane % 16, 2 * k + lane / 16));
#pragma unroll
      for (unsigned j = 0; j < kPositions / 16; ++j) {
        unsigned b[4];
        load_matrices(b,
                      keys + place<width>(16 * j + lane % 8 + lane / 16 * 8, 2 * k + lane / 8 % 2));
        multiply_add(scores[2 * j], a, b[0], b[1]);
        multiply_add(scores[2 * j + 1], a, b[2], b[3]);
      }
    }
    float next[2] = {highest[0], highest[1]};
#pragma unroll
    for (unsigned j = 0; j < kPositions / 8; ++j) {
#pragma unroll
      for (unsigned e = 0; e < 4; ++e) {
        const std::uint32_t position = page * kPositions + 8 * j + lane % 4 * 2 + e % 2;
        const std::uint32_t mine = start + 16 * warp + lane / 4 + e / 2 * 8;
        float score = scores[j][e] * job.scale;
        if (job.soft_cap > 0) score = job.soft_cap * tanhf(score / job.soft_cap);
        const bool seen = position <= mine && (job.window == 0 || mine - position < job.window);
        scores[j][e] = seen ? score * kLog2e : -INFINITY;
        next[e / 2] = fmaxf(next[e / 2], scores[j][e]);
      }
    }
#pragma unroll
    for (unsigned r = 0; r < 2; ++r) {
      next[r] = fmaxf(next[r], __shfl_xor_sync(0xFFFFFFFFu, next[r], 1));
      next[r] = fmaxf(next[r], __shfl_xor_sync(0xFFFFFFFFu, next[r], 2));
      const float factor = exp2f(highest[r] - next[r]);
      highest[r] = next[r];
      sum[r] *= factor;
#pragma unroll
      for (unsigned i = 0; i < width / 8; ++i) {
        out[i][2 * r] *= factor;
        out[i][2 * r + 1] *= factor;
      }
    }
#pragma unroll
    for (unsigned j = 0; j < kPositions / 8; ++j) {
#pragma unroll
      for (unsigned e = 0; e < 4; ++e) {
        scores[j][e] = exp2f(scores[j][e] - highest[e / 2]);
        sum[e / 2] += scores[j][e];
      }
    }
#pragma unroll
    for (unsigned k = 0; k < kPositions / 16; ++k) {
      const unsigned a[4] = {pack(scores[2 * k][0], scores[2 * k][1]),
                             pack(scores[2 * k][2], scores[2 * k][3]),
                             pack(scores[2 * k + 1][0], scores[2 * k + 1][1]),
                             pack(scores[2 * k + 1][2], scores[2 * k + 1][3])};
#pragma unroll
      for (unsigned j = 0; j < width / 16; ++j) {
        unsigned b[4];
        load_matrices_transposed(b, values + place<width>(16 * k + lane % 16, 2 * j + lane / 16));
        multiply_add(out[2 * j], a, b[0], b[1]);
        multiply_add(out[2 * j + 1], a, b[2], b[3]);
      }
    }
  }
#pragma unroll
  for (unsigned r = 0; r < 2; ++r) {
    sum[r] += __shfl_xor_sync(0xFFFFFFFFu, sum[r], 1);
    sum[r] += __shfl_xor_sync(0xFFFFFFFFu, sum[r], 2);
    const std::uint32_t row = first_row + 16 * warp + lane / 4 + 8 * r;
    if (row >= job.n) continue;
    float* to = job.out + (std::uint64_t{row} * job.heads + head) * job.kv.value.width;
#pragma unroll
    for (unsigned i = 0; i < width / 8; ++i) {
      const unsigned column = 8 * i + lane % 4 * 2;
      if (column >= job.kv.value.width) continue;
      *reinterpret_cast<float2*>(to + column) = {out[i][2 * r] / sum[r],
                                                 out[i][2 * r + 1] / sum[r]};
    }
  }
}

template <int width>
void launch_as(const Stage& stage, const Attend& job) {
  constexpr std::size_t kShared = std::size_t{5} * kPositions * width * sizeof(__half);
  static const cudaError_t raised = cudaFuncSetAttribute(
      attend_prompt<width>, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared);
  check(raised, "asking for shared memory");
  launch(stage, attend_prompt<width>, dim3((job.n + kRows - 1) / kRows, job.heads), kThreads,
         kShared, job);
}

}  // namespace

bool attends_as_prompt(const Stage& stage, const Attend& job) {
  const std::uint32_t width = job.kv.key.padded;
  const bool plain = job.kv.type == KvType::f16 && job.kv.page_positions == kPositions &&
                     job.kv.value.padded == width && job.kv.key.width % 4 == 0 &&
                     job.kv.value.width % 2 == 0;
  const bool fits = std::size_t{5} * kPositions * width * sizeof(__half) <= stage.shared_limit;
  return plain && fits && job.n >= 16 && (width == 64 || width == 128 || width == 256);
}

void launch_attend_prompt(const Stage& stage, const Attend& job) {
  switch (job.kv.key.padded) {
    case 64:
      return launch_as<64>(stage, job);
    case 128:
      return launch_as<128>(stage, job);
    default:
      return launch_as<256>(stage, job);
  }
}

}  // namespace ceiling::cuda
