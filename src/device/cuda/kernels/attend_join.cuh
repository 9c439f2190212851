// How the softmaxes of a block's warps, and then those of all blocks of a row and KV head, become
// one. The last block to end joins them, in the order of their positions: results do not depend on
// which block that is.
#pragma once

#include "device/cuda/kernels/launch.cuh"

namespace ceiling::cuda {

constexpr float kLowestScore = -3.0e38F;
constexpr float kLog2e = 1.4426950408889634F;
constexpr std::uint32_t kMostSplits = 64;

struct HeadRange {  // of one block
  std::uint32_t row, begin, end;
};

// Floats of one head's partial result: its weighted values, the highest score, the sum of weights.
constexpr std::uint32_t partial_pitch(std::uint32_t padded) { return padded + 4; }

// joined[warp][head][padded + 2]: weighted values, then the highest score and the sum of weights.
// `partials` hold the same for each head and split; all threads of the block call this.
template <unsigned threads, unsigned heads, unsigned padded>
__device__ void join_splits(const Attend& job, const HeadRange& range, const float* joined,
                            std::uint32_t split, std::uint32_t active) {
  constexpr unsigned kWarps = threads / 32;
  constexpr unsigned kJoinedPitch = padded + 2;
  constexpr unsigned kPitch = padded + 4;  // partial_pitch
  __shared__ float factors[heads][kMostSplits];
  __shared__ bool last;
  const std::uint32_t width = job.kv.value.width;
  const unsigned count = range.end - range.begin;
  const auto out = [&](unsigned h) {
    return job.out + (std::uint64_t{range.row} * job.heads + range.begin + h) * width;
  };
  const auto partial = [&](unsigned h, std::uint32_t s) {
    return job.partials +
           ((std::uint64_t{range.row} * job.heads + range.begin + h) * job.splits + s) * kPitch;
  };
  const auto of_warp = [&](unsigned w, unsigned h) {
    return joined + (w * heads + h) * kJoinedPitch;
  };
  for (unsigned i = threadIdx.x; i < count * padded; i += threads) {
    const unsigned h = i / padded;
    const unsigned element = i % padded;
    float highest = kLowestScore;
    for (unsigned w = 0; w < kWarps; ++w) highest = fmaxf(highest, of_warp(w, h)[padded]);
    float sum = 0;
    float weighted = 0;
    for (unsigned w = 0; w < kWarps; ++w) {
      const float factor = exp2f(of_warp(w, h)[padded] - highest);
      sum += factor * of_warp(w, h)[padded + 1];
      weighted += factor * of_warp(w, h)[element];
    }
    if (active == 1) {
      if (element < width) out(h)[element] = weighted / sum;
      continue;
    }
    float* to = partial(h, split);
    to[element] = weighted;
    if (element == 0) {
      to[padded] = highest;
      to[padded + 1] = sum;
    }
  }
  if (active == 1) return;

  __threadfence();
  __syncthreads();
  std::uint32_t* finished = job.finished + std::uint64_t{range.row} * job.heads + range.begin;
  if (threadIdx.x == 0) last = atomicAdd(finished, 1u) + 1 == active;
  __syncthreads();
  if (!last) return;
  __threadfence();
  for (unsigned h = threadIdx.x / 32; h < count; h += kWarps) {
    float highest = kLowestScore;
    for (std::uint32_t s = threadIdx.x % 32; s < active; s += 32) {
      highest = fmaxf(highest, __ldcg(partial(h, s) + padded));
    }
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) {
      highest = fmaxf(highest, __shfl_xor_sync(0xFFFFFFFFu, highest, offset));
    }
    float sum = 0;
    for (std::uint32_t s = threadIdx.x % 32; s < active; s += 32) {
      const float factor = exp2f(__ldcg(partial(h, s) + padded) - highest);
      factors[h][s] = factor;
      sum += factor * __ldcg(partial(h, s) + padded + 1);
    }
    sum = warp_sum(sum);
    for (std::uint32_t s = threadIdx.x % 32; s < active; s += 32) factors[h][s] /= sum;
  }
  __syncthreads();
  for (unsigned i = threadIdx.x; i < count * padded / 4; i += threads) {
    const unsigned h = i / (padded / 4);
    const unsigned element = i % (padded / 4) * 4;
    float4 value{0, 0, 0, 0};
#pragma unroll 8
    for (std::uint32_t s = 0; s < active; ++s) {
      const float4 v = __ldcg(reinterpret_cast<const float4*>(partial(h, s) + element));
      const float factor = factors[h][s];
      value.x += factor * v.x;
      value.y += factor * v.y;
      value.z += factor * v.z;
      value.w += factor * v.w;
    }
    const float values[4] = {value.x, value.y, value.z, value.w};
#pragma unroll
    for (unsigned e = 0; e < 4; ++e) {
      if (element + e < width) out(h)[element + e] = values[e];
    }
  }
  if (threadIdx.x == 0) *finished = 0;
}

}  // namespace ceiling::cuda
