// Attention of a prompt on tensor cores: 64 rows of one head a block, a page of positions at a
// time, a softmax under way (Dao 2023). A warp holds 16 rows; scores never leave its registers.
#include <cuda_fp16.h>

#include <algorithm>

#include "device/cuda/kernels/attend_join.cuh"
#include "device/cuda/kernels/pages.cuh"

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr unsigned kRows = 64;  // of a block
constexpr unsigned kPositions = kTilePositions;

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
      fetch_page<width, kThreads>(from, job.kv.key, kv_head, to);
      fetch_page<width, kThreads>(from, job.kv.value, kv_head, to + kTile);
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
    uint2 bits{pack_halves(q.x, q.y), pack_halves(q.z, q.w)};
    *reinterpret_cast<uint2*>(queries + tile_place<width>(row, column / 8) + column % 8) = bits;
  }

  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  float out[width / 8][4] = {};
  float highest[2] = {kLowestScore, kLowestScore};
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
      load_matrices(a, queries + tile_place<width>(16 * warp + lane % 16, 2 * k + lane / 16));
#pragma unroll
      for (unsigned j = 0; j < kPositions / 16; ++j) {
        unsigned b[4];
        load_matrices(
            b, keys + tile_place<width>(16 * j + lane % 8 + lane / 16 * 8, 2 * k + lane / 8 % 2));
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
      const unsigned a[4] = {pack_halves(scores[2 * k][0], scores[2 * k][1]),
                             pack_halves(scores[2 * k][2], scores[2 * k][3]),
                             pack_halves(scores[2 * k + 1][0], scores[2 * k + 1][1]),
                             pack_halves(scores[2 * k + 1][2], scores[2 * k + 1][3])};
#pragma unroll
      for (unsigned j = 0; j < width / 16; ++j) {
        unsigned b[4];
        load_matrices_transposed(b,
                                 values + tile_place<width>(16 * k + lane % 16, 2 * j + lane / 16));
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
  const std::size_t bytes = std::size_t{5} * kPositions * job.kv.key.padded * sizeof(__half);
  return job.n >= 16 && pages_are_tiles(job.kv) && bytes <= stage.shared_limit;
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
