// Head norms, rotation, and the way into the KV cache: a warp a head.
#pragma once

#include <cuda_fp16.h>

#include "device/cuda/kernels/launch.cuh"

namespace ceiling::cuda {

// Cosine and sine of pair p's angle.
__device__ inline float2 rotation(const Turn& turn, std::uint32_t position, std::uint32_t p) {
  constexpr double kTurn = 6.283185307179586;
  double angle = position * turn.frequency[p];
  angle -= kTurn * rint(angle * (1.0 / kTurn));
  float2 out;
  sincosf(static_cast<float>(angle), &out.y, &out.x);
  return out;
}

// The head in shared memory, normalised and rotated; `known`: the rotations, or null.
__device__ inline void turn_head(const Turn& turn, std::uint32_t position, const float2* known,
                                 float* head) {
  if (turn.norm != nullptr) {
    float squares = 0;
    for (std::uint32_t i = threadIdx.x % 32; i < turn.width; i += 32) {
      squares += head[i] * head[i];
    }
    const float scale = rsqrtf(warp_sum(squares) / static_cast<float>(turn.width) + turn.epsilon);
    for (std::uint32_t i = threadIdx.x % 32; i < turn.width; i += 32) {
      head[i] *= scale * turn.norm[i];
    }
    __syncwarp();
  }
  if (turn.frequency == nullptr) return;
  const std::uint32_t pairs = turn.rotated / 2;
  for (std::uint32_t p = threadIdx.x % 32; p < pairs; p += 32) {
    const float2 by = known != nullptr ? known[p] : rotation(turn, position, p);
    const bool adjacent = turn.layout == RopeLayout::adjacent;
    float& a = head[adjacent ? 2 * p : p];
    float& b = head[adjacent ? 2 * p + 1 : p + pairs];
    const float turned = a * by.x - b * by.y;
    b = a * by.y + b * by.x;
    a = turned;
  }
  __syncwarp();
}

// A head from shared memory to its place in the cache.
__device__ inline void store_head(const KvLayer& kv, const KvPlane& plane, const Rows& rows,
                                  std::uint32_t row, std::uint32_t kv_head, const float* head) {
  const std::uint32_t position = rows.position[row];
  const std::uint32_t page = rows.pages[rows.table[row] + position / kv.page_positions];
  std::uint8_t* base = kv.base + page * kv.page_bytes;
  const std::uint64_t slot =
      std::uint64_t{kv_head} * kv.page_positions + position % kv.page_positions;
  if (kv.type == KvType::f16) {
    auto* out = reinterpret_cast<__half*>(base + plane.offset) + slot * plane.padded;
    for (std::uint32_t i = threadIdx.x % 32; i < plane.padded; i += 32) {
      out[i] = __float2half_rn(i < plane.width ? head[i] : 0.0F);
    }
    return;
  }
  auto* out = reinterpret_cast<std::int8_t*>(base + plane.offset) + slot * plane.padded;
  auto* scales = reinterpret_cast<__half*>(base + plane.scales) + slot * (plane.padded / 32);
  for (std::uint32_t i = threadIdx.x % 32; i < plane.padded; i += 32) {  // whole warps
    const float v = i < plane.width ? head[i] : 0.0F;
    float largest = fabsf(v);
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) {
      largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, offset));
    }
    const float inverse = largest > 0 ? 127.0F / largest : 0;
    out[i] = static_cast<std::int8_t>(__float2int_rn(v * inverse));
    if (i % 32 == 0) scales[i / 32] = __float2half_rn(largest / 127.0F);
  }
}

}  // namespace ceiling::cuda
