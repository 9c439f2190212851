// Attention of few rows: the positions of a sequence are shared out to blocks, each with a softmax
// of its own; the last block to end joins them, in a fixed order. (Flash-decoding, Dao et al.
// 2023.)
//
// A group of lanes holds one position, 16 elements of a head each, for up to four query heads that
// share the keys.
#include <cuda_fp16.h>

#include <algorithm>

#include "device/cuda/kernels/attend_join.cuh"

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr unsigned kWarps = kThreads / 32;
constexpr int kElements = 16;

template <KvType type>
struct Held;  // 16 elements of a key or value

template <>
struct Held<KvType::f16> {
  uint4 raw[2];
  __device__ void load(const std::uint8_t* base, const KvPlane& plane, std::uint64_t slot,
                       unsigned part) {
    const auto* at = reinterpret_cast<const uint4*>(
        base + plane.offset + (slot * plane.padded + part * kElements) * sizeof(__half));
    raw[0] = __ldcg(at);
    raw[1] = __ldcg(at + 1);
  }
  __device__ float at(int i) const {
    const unsigned* words = reinterpret_cast<const unsigned*>(raw);
    return __half2float(
        __ushort_as_half(static_cast<unsigned short>(words[i / 2] >> (16 * (i % 2)))));
  }
};
template <>
struct Held<KvType::q8_0> {
  uint4 raw;
  float scale;
  __device__ void load(const std::uint8_t* base, const KvPlane& plane, std::uint64_t slot,
                       unsigned part) {
    raw = __ldcg(reinterpret_cast<const uint4*>(base + plane.offset + slot * plane.padded +
                                                part * kElements));
    const auto* scales = reinterpret_cast<const __half*>(base + plane.scales);
    scale = __half2float(scales[slot * (plane.padded / 32) + part / 2]);
  }
  __device__ float at(int i) const {
    const unsigned* words = reinterpret_cast<const unsigned*>(&raw);
    return scale * static_cast<float>(static_cast<signed char>(words[i / 4] >> (8 * (i % 4))));
  }
};

// A softmax under way, of one head: weighted values of 16 elements.
struct Running {
  float highest, sum;
  float weighted[kElements];

  __device__ void clear() {
    highest = kLowestScore;
    sum = 0;
#pragma unroll
    for (float& w : weighted) w = 0;
  }
  __device__ void scale_to(float next) {
    const float factor = exp2f(highest - next);
    highest = next;
    sum *= factor;
#pragma unroll
    for (float& w : weighted) w *= factor;
  }
  __device__ void join_lanes(int offset) {
    const float other = __shfl_xor_sync(0xFFFFFFFFu, highest, offset);
    scale_to(fmaxf(highest, other));
    sum += __shfl_xor_sync(0xFFFFFFFFu, sum, offset);
#pragma unroll
    for (float& w : weighted) w += __shfl_xor_sync(0xFFFFFFFFu, w, offset);
  }
};

struct Range {
  std::uint32_t begin, end;
};

// Positions of split `split` of those that a row sees, and how many splits have any.
__device__ Range split_of(const Attend& job, std::uint32_t position, std::uint32_t split,
                          std::uint32_t& active) {
  constexpr std::uint32_t kFewest = 64;  // positions of a split
  const std::uint32_t end = position + 1;
  const std::uint32_t begin = job.window != 0 && end > job.window ? end - job.window : 0;
  const std::uint32_t count = end - begin;
  const std::uint32_t each =
      max((count + job.splits - 1) / job.splits, kFewest + 15) / 16 * 16 + 16;
  active = (count + each - 1) / each;
  return {begin + split * each, min(begin + (split + 1) * each, end)};
}

template <int lanes, int heads, KvType type>
__global__ void __launch_bounds__(kThreads) attend(const __grid_constant__ Attend job) {
  constexpr int kPositions = 32 / lanes;  // at once in a warp
  constexpr int kPadded = lanes * kElements;
  __shared__ float joined[kWarps][heads][kPadded + 2];
  let_next_start();
  wait_for_previous();
  const std::uint32_t row = blockIdx.z;
  const std::uint32_t group = job.heads / job.kv.kv_heads;
  const std::uint32_t groups = (group + heads - 1) / heads;
  const std::uint32_t kv_head = blockIdx.y / groups;
  const std::uint32_t head_begin = kv_head * group + blockIdx.y % groups * heads;
  const std::uint32_t head_end = min(head_begin + heads, (kv_head + 1) * group);
  const std::uint32_t position = job.rows.position[row];
  const std::uint32_t* table = job.rows.pages + job.rows.table[row];
  std::uint32_t active = 0;
  const Range range = split_of(job, position, blockIdx.x, active);
  if (blockIdx.x >= active) return;

  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  const unsigned part = lane % lanes;
  const bool has_key = part * kElements < job.kv.key.padded;
  const bool has_value = part * kElements < job.kv.value.padded;
  float query[heads][kElements];
#pragma unroll
  for (int h = 0; h < heads; ++h) {
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const std::uint32_t element = part * kElements + i;
      const bool real = head_begin + h < head_end && element < job.kv.key.width;
      const std::uint64_t at =
          (std::uint64_t{row} * job.heads + head_begin + h) * job.kv.key.width + element;
      query[h][i] = real ? __ldcg(job.query + at) * job.scale : 0;
    }
  }
  Running running[heads];
#pragma unroll
  for (Running& r : running) r.clear();

  constexpr unsigned kStep = kWarps * kPositions;
  for (std::uint32_t p0 = range.begin + warp * kPositions; p0 < range.end; p0 += kStep) {
    const std::uint32_t p = p0 + lane / lanes;
    const bool real = p < range.end;
    Held<type> key{};
    Held<type> value{};
    if (real) {
      const std::uint8_t* base = job.kv.base + table[p / job.kv.page_positions] * job.kv.page_bytes;
      const std::uint64_t slot =
          std::uint64_t{kv_head} * job.kv.page_positions + p % job.kv.page_positions;
      if (has_key) key.load(base, job.kv.key, slot, part);
      if (has_value) value.load(base, job.kv.value, slot, part);
    }
    float scores[heads] = {};
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const float k = key.at(i);
#pragma unroll
      for (int h = 0; h < heads; ++h) scores[h] += query[h][i] * k;
    }
#pragma unroll
    for (int h = 0; h < heads; ++h) {
#pragma unroll
      for (int offset = lanes / 2; offset > 0; offset /= 2) {
        scores[h] += __shfl_xor_sync(0xFFFFFFFFu, scores[h], offset);
      }
      if (job.soft_cap > 0) scores[h] = job.soft_cap * tanhf(scores[h] / job.soft_cap);
      scores[h] *= kLog2e;
      if (!real) continue;
      if (scores[h] > running[h].highest) running[h].scale_to(scores[h]);
      scores[h] = exp2f(scores[h] - running[h].highest);
      running[h].sum += scores[h];
    }
    if (!real) continue;
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const float v = value.at(i);
#pragma unroll
      for (int h = 0; h < heads; ++h) running[h].weighted[i] += scores[h] * v;
    }
  }

#pragma unroll
  for (int h = 0; h < heads; ++h) {
#pragma unroll
    for (int offset = lanes; offset < 32; offset *= 2) running[h].join_lanes(offset);
    if (lane >= lanes) continue;
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      joined[warp][h][part * kElements + i] = running[h].weighted[i];
    }
    joined[warp][h][kPadded] = running[h].highest;
    joined[warp][h][kPadded + 1] = running[h].sum;
  }
  __syncthreads();

  join_splits<kThreads, heads, kPadded>(job, {row, head_begin, head_end}, &joined[0][0][0],
                                        blockIdx.x, active);
}

template <int lanes, int heads>
void launch_as(const Stage& stage, const Attend& job) {
  const std::uint32_t group = job.heads / job.kv.kv_heads;
  const dim3 grid(job.splits, job.kv.kv_heads * ((group + heads - 1) / heads), job.n);
  if (job.kv.type == KvType::f16) {
    launch(stage, attend<lanes, heads, KvType::f16>, grid, kThreads, 0, job);
  } else {
    launch(stage, attend<lanes, heads, KvType::q8_0>, grid, kThreads, 0, job);
  }
}

template <int lanes>
void launch_lanes(const Stage& stage, const Attend& job) {
  if (job.heads == job.kv.kv_heads) return launch_as<lanes, 1>(stage, job);
  launch_as<lanes, 4>(stage, job);
}

unsigned lanes_for(std::uint32_t padded) {
  for (const unsigned lanes : {4U, 8U, 16U}) {
    if (padded <= lanes * kElements) return lanes;
  }
  return 32;
}

}  // namespace

std::uint32_t attend_splits(const Stage& stage, std::uint32_t n, std::uint32_t kv_heads) {
  const std::uint32_t blocks = n * kv_heads;
  return std::clamp(3 * stage.multiprocessors / std::max(blocks, 1U), 1U, kMostSplits);
}

std::uint64_t attend_partial_floats(std::uint32_t n, std::uint32_t heads, std::uint32_t splits,
                                    std::uint32_t padded_width) {
  return std::uint64_t{n} * heads * splits * partial_pitch(lanes_for(padded_width) * kElements);
}

void launch_attend(const Stage& stage, const Attend& job) {
  switch (lanes_for(std::max(job.kv.key.padded, job.kv.value.padded))) {
    case 4:
      return launch_lanes<4>(stage, job);
    case 8:
      return launch_lanes<8>(stage, job);
    case 16:
      return launch_lanes<16>(stage, job);
    default:
      return launch_lanes<32>(stage, job);
  }
}

}  // namespace ceiling::cuda
