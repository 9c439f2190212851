// Weights as floats: embeddings, experts, panels of float16; and the layouts of repacked types.
#include <cuda_fp16.h>

#include <algorithm>
#include <cfloat>

#include "device/cuda/kernels/launch.cuh"
#include "device/cuda/kernels/types.cuh"
#include "quant/blocks.h"

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 256;

Stored stored(const Matrix& matrix) { return {matrix.data, matrix.all_rows, matrix.cols}; }

template <TensorType type>
__global__ void __launch_bounds__(kThreads)
    embed(Stored table, Rows rows, float scale, float* out) {
  let_next_start();
  wait_for_previous();
  const auto token = static_cast<std::uint64_t>(rows.token[blockIdx.x]);
  float* to = out + std::uint64_t{blockIdx.x} * table.cols;
  for (std::uint32_t part = threadIdx.x; part < table.cols / part_elements<type>();
       part += kThreads) {
    each_weight<type>(table, token, part, [&](std::uint32_t column, float4 w) {
      *reinterpret_cast<float4*>(to + column) = {w.x * scale, w.y * scale, w.z * scale,
                                                 w.w * scale};
    });
  }
}

// Float16 has no room for what is larger: such a weight becomes the largest it has.
__device__ inline __half2 to_half(float a, float b) {
  constexpr float kLargest = 65504.0F;
  return __floats2half2_rn(fminf(fmaxf(a, -kLargest), kLargest),
                           fminf(fmaxf(b, -kLargest), kLargest));
}

template <TensorType type>
__global__ void __launch_bounds__(kThreads)
    half_matrix(Stored m, Range rows, Range columns, __half* out) {
  let_next_start();
  wait_for_previous();  // of the panel before: its readers
  constexpr std::uint32_t kPart = part_elements<type>();
  const std::uint32_t parts = columns.count / kPart;
  const std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= std::uint64_t{parts} * rows.count) return;
  const std::uint64_t row = i / parts;
  const auto part = columns.first / kPart + static_cast<std::uint32_t>(i % parts);
  __half* to = out + row * columns.count;
  uint2 before{};  // four weights wait for their neighbours, so that 16 bytes are written at once
  int count = 0;
  each_weight<type>(m, rows.first + row, part, [&](std::uint32_t column, float4 w) {
    const __half2 low = to_half(w.x, w.y);
    const __half2 high = to_half(w.z, w.w);
    const uint2 bits{*reinterpret_cast<const unsigned*>(&low),
                     *reinterpret_cast<const unsigned*>(&high)};
    const std::uint32_t at = column - columns.first;
    if constexpr (kPart == 4) {
      *reinterpret_cast<uint2*>(to + at) = bits;
    } else if (count++ % 2 == 1) {
      *reinterpret_cast<uint4*>(to + at - 4) = {before.x, before.y, bits.x, bits.y};
    }
    before = bits;
  });
}

// A warp an output element: each chosen expert's row times the activations, in float32.
template <TensorType type>
__global__ void __launch_bounds__(kThreads) grouped(Stored m, Grouped job) {
  let_next_start();
  wait_for_previous();
  const std::uint32_t warp = blockIdx.x * (kThreads / 32) + threadIdx.x / 32;
  const std::uint32_t row = warp % job.matrix.rows;
  const std::uint32_t i = warp / job.matrix.rows;
  if (i >= job.n) return;
  const float* routing = job.routing + std::uint64_t{i} * 2 * job.used;
  float mixed = 0;
  for (std::uint32_t k = 0; k < job.used; ++k) {
    const auto expert = static_cast<std::uint64_t>(__ldcg(routing + k));
    const float* x =
        job.x + (job.in_apart ? (std::uint64_t{i} * job.used + k) : std::uint64_t{i}) * m.cols;
    float sum = 0;
    for (std::uint32_t part = threadIdx.x % 32; part < m.cols / part_elements<type>(); part += 32) {
      each_weight<type>(m, expert * job.matrix.rows + row, part,
                        [&](std::uint32_t column, float4 w) {
                          const float4 v = __ldcg(reinterpret_cast<const float4*>(x + column));
                          sum += w.x * v.x + w.y * v.y + w.z * v.z + w.w * v.w;
                        });
    }
    sum = warp_sum(sum);
    if (threadIdx.x % 32 != 0) continue;
    if (job.combine) {
      mixed += __ldcg(routing + job.used + k) * sum;
    } else {
      job.out[(std::uint64_t{i} * job.used + k) * job.matrix.rows + row] = sum;
    }
  }
  if (job.combine && threadIdx.x % 32 == 0) {
    job.out[std::uint64_t{i} * job.matrix.rows + row] = mixed;
  }
}

// A thread a block of `in`, which is block `first + i` of the matrix.
__global__ void __launch_bounds__(kThreads)
    repack_q8_0(const std::uint8_t* in, std::uint64_t first, std::uint64_t count,
                std::uint64_t all_blocks, std::uint8_t* out) {
  const std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const auto* block = reinterpret_cast<const std::uint16_t*>(in + i * sizeof(BlockQ8_0));
  const std::uint64_t at = first + i;
  reinterpret_cast<std::uint16_t*>(out + all_blocks * 32)[at] = block[0];
  auto* q = reinterpret_cast<std::uint16_t*>(out + at * 32);
  for (int k = 0; k < 16; ++k) q[k] = block[1 + k];
}

// A thread a chunk of 32 weights (formats.cuh says which).
__global__ void __launch_bounds__(kThreads)
    repack_q6_k(const std::uint8_t* in, std::uint64_t first_block, std::uint64_t count,
                std::uint64_t all_blocks, std::uint8_t* out) {
  const std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const auto& block = *reinterpret_cast<const BlockQ6_K*>(in + i / 8 * sizeof(BlockQ6_K));
  const auto chunk = static_cast<std::uint32_t>(i % 8);
  const std::uint64_t at = first_block * 8 + i;
  const std::uint32_t half = chunk / 4;
  const std::uint32_t pair = chunk / 2 % 2;
  const std::uint32_t offset = 32 * half + 16 * (chunk % 2);
  std::uint32_t high[2] = {0, 0};
  for (std::uint32_t k = 0; k < 16; ++k) {
    out[at * 16 + k] = block.ql[16 * chunk + k];
    const std::uint32_t bits = block.qh[offset + k];
    const std::uint32_t place = 8 * (k % 4) + 2 * (k / 4);
    high[0] |= ((bits >> (2 * pair)) & 3u) << place;
    high[1] |= ((bits >> (2 * pair + 4)) & 3u) << place;
  }
  reinterpret_cast<uint2*>(out + all_blocks * 128)[at] = {high[0], high[1]};
  const std::uint32_t group = Format<TensorType::Q6_K>::columns(chunk).first / 16;
  auto* scales = reinterpret_cast<std::int8_t*>(out + all_blocks * 192) + at * 2;
  scales[0] = block.scales[group];
  scales[1] = block.scales[group + 4];
  if (chunk == 0) reinterpret_cast<std::uint16_t*>(out + all_blocks * 208)[at / 8] = block.d;
}

}  // namespace

void launch_embed(const Stage& stage, const Matrix& table, const Rows& rows, std::uint32_t n,
                  float scale, float* out) {
  with_type(table.type, [&]<TensorType type>() {
    launch(stage, embed<type>, dim3(n), kThreads, 0, stored(table), rows, scale, out);
  });
}

void launch_half_matrix(const Stage& stage, const Matrix& matrix, Range rows, Range columns,
                        void* out) {
  with_type(matrix.type, [&]<TensorType type>() {
    const std::uint64_t parts = std::uint64_t{columns.count / part_elements<type>()} * rows.count;
    launch(stage, half_matrix<type>, dim3(blocks_for(parts, kThreads)), kThreads, 0, stored(matrix),
           rows, columns, static_cast<__half*>(out));
  });
}

void launch_grouped(const Stage& stage, const Grouped& job) {
  if (job.n == 0) return;
  const std::uint64_t warps = std::uint64_t{job.n} * job.matrix.rows;
  with_type(job.matrix.type, [&]<TensorType type>() {
    launch(stage, grouped<type>, dim3(blocks_for(warps * 32, kThreads)), kThreads, 0,
           stored(job.matrix), job);
  });
}

bool repacked(TensorType type) { return type == TensorType::Q8_0 || type == TensorType::Q6_K; }

void launch_repack(const Stage& stage, TensorType type, const std::uint8_t* in,
                   std::uint64_t first_row, std::uint64_t rows, std::uint64_t all_rows,
                   std::uint32_t cols, std::uint8_t* out) {
  Stage plain = stage;
  plain.overlap = false;
  if (type == TensorType::Q8_0) {
    const std::uint64_t blocks = cols / 32;
    launch(plain, repack_q8_0, dim3(blocks_for(rows * blocks, kThreads)), kThreads, 0, in,
           first_row * blocks, rows * blocks, all_rows * blocks, out);
  } else {
    const std::uint64_t blocks = cols / 256;
    launch(plain, repack_q6_k, dim3(blocks_for(rows * blocks * 8, kThreads)), kThreads, 0, in,
           first_row * blocks, rows * blocks * 8, all_rows * blocks, out);
  }
}

}  // namespace ceiling::cuda
