// Operations on rows of activations, one kernel each.
#include <algorithm>
#include <cmath>

#include "device/cuda/kernels/launch.cuh"

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    norm_groups(const float* in, const float* weight, float epsilon, std::uint32_t group,
                float* out) {
  __shared__ float scratch[32];
  let_next_start();
  wait_for_previous();
  const float* x = in + std::uint64_t{blockIdx.x} * group;
  float squares = 0;
  for (std::uint32_t i = threadIdx.x; i < group; i += blockDim.x) {
    const float v = __ldcg(x + i);
    squares += v * v;
  }
  const float scale = rsqrtf(block_sum(squares, scratch) / static_cast<float>(group) + epsilon);
  float* y = out + std::uint64_t{blockIdx.x} * group;
  for (std::uint32_t i = threadIdx.x; i < group; i += blockDim.x) {
    y[i] = __ldcg(x + i) * scale * weight[i];
  }
}

template <typename Element>
__global__ void __launch_bounds__(kThreads) each_element(std::uint64_t count, Element element) {
  let_next_start();
  wait_for_previous();
  const std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) element(i);
}
template <typename Element>
void launch_each(const Stage& stage, std::uint64_t count, Element element) {
  if (count == 0) return;
  launch(stage, each_element<Element>, dim3(blocks_for(count, kThreads)), kThreads, 0, count,
         element);
}

struct Gate {
  const float* gate;
  const float* up;
  Activation activation;
  float* out;
  __device__ void operator()(std::uint64_t i) const {
    out[i] = activate(activation, __ldcg(gate + i)) * __ldcg(up + i);
  }
};
struct Sum {
  const float* a;
  const float* b;
  float* out;
  __device__ void operator()(std::uint64_t i) const { out[i] = __ldcg(a + i) + __ldcg(b + i); }
};
struct Cap {
  float* value;
  float cap;
  __device__ void operator()(std::uint64_t i) const {
    value[i] = cap * tanhf(__ldcg(value + i) / cap);
  }
};
struct Select {
  const float* in;
  std::uint32_t width;
  Rows rows;
  float* out;
  __device__ void operator()(std::uint64_t i) const {
    const std::uint64_t row = rows.logit_row[i / width];
    out[i] = __ldcg(in + row * width + i % width);
  }
};

// One thread a row: there are few experts. Equal scores: the lower number first.
struct ChooseExperts {
  const float* logits;
  std::uint32_t experts, used;
  float* out;
  __device__ void operator()(std::uint64_t row) const {
    const float* scores = logits + row * experts;
    float* chosen = out + row * 2 * used;
    float* shares = chosen + used;
    for (std::uint32_t k = 0; k < used; ++k) {
      std::uint32_t best = experts;
      for (std::uint32_t e = 0; e < experts; ++e) {
        bool taken = false;
        for (std::uint32_t j = 0; j < k; ++j) taken |= chosen[j] == static_cast<float>(e);
        if (!taken && (best == experts || __ldcg(scores + e) > __ldcg(scores + best))) best = e;
      }
      chosen[k] = static_cast<float>(best);
      shares[k] = __ldcg(scores + best);
    }
    const float highest = shares[0];
    float sum = 0;
    for (std::uint32_t k = 0; k < used; ++k) sum += shares[k] = expf(shares[k] - highest);
    for (std::uint32_t k = 0; k < used; ++k) shares[k] /= sum;
  }
};

__global__ void __launch_bounds__(kThreads)
    read_all(const uint4* data, std::uint64_t count, std::uint32_t* sink) {
  let_next_start();
  wait_for_previous();
  std::uint32_t sum = 0;
  constexpr int kAtOnce = 4;
  const std::uint64_t step = std::uint64_t{gridDim.x} * kThreads * kAtOnce;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads * kAtOnce + threadIdx.x; i < count;
       i += step) {
    uint4 v[kAtOnce];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      const std::uint64_t at = i + static_cast<std::uint64_t>(u) * kThreads;
      v[u] = at < count ? __ldg(data + at) : uint4{0, 0, 0, 0};
    }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) sum += v[u].x ^ v[u].y ^ v[u].z ^ v[u].w;
  }
  if (sum == 0x9E3779B9u) atomicAdd(sink, 1u);  // the compiler cannot know that it is not so
}

}  // namespace

void launch_norm(const Stage& stage, const float* in, const float* weight, float epsilon,
                 std::uint32_t group, std::uint64_t groups, float* out) {
  if (groups == 0) return;
  const unsigned threads = std::min(kThreads, (group + 31) / 32 * 32);
  launch(stage, norm_groups, dim3(static_cast<unsigned>(groups)), threads, 0, in, weight, epsilon,
         group, out);
}
void launch_gated(const Stage& stage, const float* gate, const float* up, Activation activation,
                  std::uint64_t count, float* out) {
  launch_each(stage, count, Gate{gate, up, activation, out});
}
void launch_add(const Stage& stage, const float* a, const float* b, std::uint64_t count,
                float* out) {
  launch_each(stage, count, Sum{a, b, out});
}
void launch_select(const Stage& stage, const float* in, std::uint32_t width, const Rows& rows,
                   std::uint32_t logit_rows, float* out) {
  launch_each(stage, std::uint64_t{logit_rows} * width, Select{in, width, rows, out});
}
void launch_soft_cap(const Stage& stage, float* value, float cap, std::uint64_t count) {
  launch_each(stage, count, Cap{value, cap});
}
void launch_route(const Stage& stage, const float* logits, std::uint32_t n, std::uint32_t experts,
                  std::uint32_t used, float* out) {
  launch_each(stage, n, ChooseExperts{logits, experts, used, out});
}
void launch_read(const Stage& stage, const void* data, std::uint64_t bytes, std::uint32_t* sink) {
  launch(stage, read_all, dim3(stage.multiprocessors * 8), kThreads, 0,
         static_cast<const uint4*>(data), bytes / sizeof(uint4), sink);
}

}  // namespace ceiling::cuda
