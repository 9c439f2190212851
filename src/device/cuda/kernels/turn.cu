// Head norms, rotation, and the way into the KV cache: a block a head.
#include "device/cuda/kernels/launch.cuh"

#include <cuda_fp16.h>

#include <algorithm>

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 128;

// The head in shared memory, normalised and rotated.
__device__ void turn_head(const Turn& turn, std::uint32_t position, float* head, float* scratch) {
  if (turn.norm != nullptr) {
    float squares = 0;
    for (std::uint32_t i = threadIdx.x; i < turn.width; i += kThreads) squares += head[i] * head[i];
    const float scale =
        rsqrtf(block_sum(squares, scratch) / static_cast<float>(turn.width) + turn.epsilon);
    for (std::uint32_t i = threadIdx.x; i < turn.width; i += kThreads) {
      head[i] *= scale * turn.norm[i];
    }
    __syncthreads();
  }
  if (turn.frequency == nullptr) return;
  const std::uint32_t pairs = turn.rotated / 2;
  for (std::uint32_t p = threadIdx.x; p < pairs; p += kThreads) {
    constexpr double kTurn = 6.283185307179586;
    double angle = position * turn.frequency[p];
    angle -= kTurn * rint(angle / kTurn);
    float sine = 0;
    float cosine = 0;
    sincosf(static_cast<float>(angle), &sine, &cosine);
    const bool adjacent = turn.layout == RopeLayout::adjacent;
    float& a = head[adjacent ? 2 * p : p];
    float& b = head[adjacent ? 2 * p + 1 : p + pairs];
    const float turned = a * cosine - b * sine;
    b = a * sine + b * cosine;
    a = turned;
  }
  __syncthreads();
}

__device__ void store_head(const KvLayer& kv, const KvPlane& plane, const Rows& rows,
                           std::uint32_t row, std::uint32_t kv_head, const float* head) {
  const std::uint32_t position = rows.position[row];
  const std::uint32_t page = rows.pages[rows.table[row] + position / kv.page_positions];
  std::uint8_t* base = kv.base + page * kv.page_bytes;
  const std::uint64_t slot =
      std::uint64_t{kv_head} * kv.page_positions + position % kv.page_positions;
  if (kv.type == KvType::f16) {
    auto* out = reinterpret_cast<__half*>(base + plane.offset) + slot * plane.padded;
    for (std::uint32_t i = threadIdx.x; i < plane.padded; i += kThreads) {
      out[i] = __float2half_rn(i < plane.width ? head[i] : 0.0F);
    }
    return;
  }
  auto* out = reinterpret_cast<std::int8_t*>(base + plane.offset) + slot * plane.padded;
  auto* scales = reinterpret_cast<__half*>(base + plane.scales) + slot * (plane.padded / 32);
  for (std::uint32_t i = threadIdx.x; i < plane.padded; i += kThreads) {  // padded to whole warps
    const float v = i < plane.width ? head[i] : 0.0F;
    float largest = fabsf(v);
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) {
      largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, offset));
    }
    const float inverse = largest > 0 ? 127.0F / largest : 0;
    out[i] = static_cast<std::int8_t>(__float2int_rn(v * inverse));
    if (threadIdx.x % 32 == 0) scales[i / 32] = __float2half_rn(largest / 127.0F);
  }
}

__global__ void __launch_bounds__(kThreads)
    turn_and_append(const __grid_constant__ TurnAndAppend job) {
  extern __shared__ float head[];
  __shared__ float scratch[32];
  let_next_start();
  wait_for_previous();
  const std::uint32_t row = blockIdx.y;
  std::uint32_t index = blockIdx.x;
  const bool is_query = index < job.query.heads;
  if (!is_query) index -= job.query.heads;
  const std::uint32_t key_heads = job.append ? job.kv.kv_heads : job.key.heads;
  const bool is_key = !is_query && index < key_heads;
  if (!is_query && !is_key) {  // a value
    index -= key_heads;
    const std::uint32_t width = job.kv.value.width;
    const float* in = job.value + (std::uint64_t{row} * job.kv.kv_heads + index) * width;
    for (std::uint32_t i = threadIdx.x; i < width; i += kThreads) head[i] = __ldcg(in + i);
    __syncthreads();
    store_head(job.kv, job.kv.value, job.rows, row, index, head);
    return;
  }
  const Turn& turn = is_query ? job.query : job.key;
  const std::uint32_t heads = is_query ? turn.heads : key_heads;
  float* in = turn.value + (std::uint64_t{row} * heads + index) * turn.width;
  for (std::uint32_t i = threadIdx.x; i < turn.width; i += kThreads) head[i] = __ldcg(in + i);
  __syncthreads();
  turn_head(turn, job.rows.position[row], head, scratch);
  if (is_key && job.append) {
    store_head(job.kv, job.kv.key, job.rows, row, index, head);
  } else {
    for (std::uint32_t i = threadIdx.x; i < turn.width; i += kThreads) in[i] = head[i];
  }
}

}  // namespace

void launch_turn_and_append(const Stage& stage, const TurnAndAppend& job) {
  const unsigned heads = job.query.heads + (job.append ? 2 * job.kv.kv_heads : job.key.heads);
  if (job.n == 0 || heads == 0) return;
  const std::uint32_t widest = std::max({job.query.width, job.key.width, job.kv.value.width});
  launch(stage, turn_and_append, dim3(heads, job.n), kThreads, widest * sizeof(float), job);
}

}  // namespace ceiling::cuda
