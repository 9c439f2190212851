// Queries and keys turned, keys and values appended: a warp a head.
#include <algorithm>

#include "device/cuda/kernels/turn.cuh"

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr unsigned kHeads = kThreads / 32;  // of a block

__global__ void __launch_bounds__(kThreads)
    turn_and_append(const __grid_constant__ TurnAndAppend job, std::uint32_t widest) {
  extern __shared__ float heads[];
  let_next_start();
  wait_for_previous();
  float* const head = heads + threadIdx.x / 32 * widest;
  const std::uint32_t row = blockIdx.y;
  std::uint32_t index = blockIdx.x * kHeads + threadIdx.x / 32;
  const bool is_query = index < job.query.heads;
  if (!is_query) index -= job.query.heads;
  const std::uint32_t key_heads = job.append ? job.kv.kv_heads : job.key.heads;
  const bool is_key = !is_query && index < key_heads;
  if (!is_query && !is_key) {
    index -= key_heads;
    if (!job.append || index >= job.kv.kv_heads) return;
    const std::uint32_t width = job.kv.value.width;
    const float* in = job.value + (std::uint64_t{row} * job.kv.kv_heads + index) * width;
    for (std::uint32_t i = threadIdx.x % 32; i < width; i += 32) head[i] = __ldcg(in + i);
    __syncwarp();
    store_head(job.kv, job.kv.value, job.rows, row, index, head);
    return;
  }
  const Turn& turn = is_query ? job.query : job.key;
  const std::uint32_t count = is_query ? turn.heads : key_heads;
  float* in = turn.value + (std::uint64_t{row} * count + index) * turn.width;
  for (std::uint32_t i = threadIdx.x % 32; i < turn.width; i += 32) head[i] = __ldcg(in + i);
  __syncwarp();
  turn_head(turn, job.rows.position[row], nullptr, head);
  if (is_key && job.append) {
    store_head(job.kv, job.kv.key, job.rows, row, index, head);
  } else {
    for (std::uint32_t i = threadIdx.x % 32; i < turn.width; i += 32) in[i] = head[i];
  }
}

}  // namespace

void launch_turn_and_append(const Stage& stage, const TurnAndAppend& job) {
  const unsigned heads = job.query.heads + (job.append ? 2 * job.kv.kv_heads : job.key.heads);
  if (job.n == 0 || heads == 0) return;
  const std::uint32_t widest = std::max({job.query.width, job.key.width, job.kv.value.width});
  launch(stage, turn_and_append, dim3((heads + kHeads - 1) / kHeads, job.n), kThreads,
         kHeads * widest * sizeof(float), job, widest);
}

}  // namespace ceiling::cuda
