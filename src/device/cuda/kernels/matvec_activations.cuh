// The few rows that a matrix is multiplied by, made ready in shared memory by each block for
// itself.
#pragma once

#include "device/cuda/kernels/formats.cuh"
#include "device/cuda/kernels/launch.cuh"

namespace ceiling::cuda {

// One block fills a multiprocessor: blocks spread evenly, and activations are made ready once on
// each. Where a warp has few tiles, more warps with fewer loads in flight each end sooner.
constexpr unsigned kMatvecThreads = 512;
constexpr unsigned kMatvecManyThreads = 768;

struct ScaleAndSum {  // of 16 activations: their scale, and the sum of what they stand for
  float scale, sum;
};

// Activations of one kind of weight in shared memory, `rows` rows of them.
template <bool quantised>
struct Activations;

template <>
struct Activations<true> {
  const std::int8_t* q;
  const ScaleAndSum* groups;
  // Runs of 16 lie in four planes by their place in 64, moved against each other so that lanes that
  // read neighbouring chunks of any type meet few bank conflicts.
  __host__ __device__ static std::uint32_t plane(std::uint32_t cols) {
    return (cols / 4 + 16 + 127) / 128 * 128 + 128;
  }
  __host__ __device__ static std::uint32_t row_bytes(std::uint32_t cols) { return 4 * plane(cols); }
  __device__ static std::uint32_t place(std::uint32_t column, std::uint32_t plane_bytes) {
    const std::uint32_t run = column / 16 % 4;
    return run * plane_bytes + (run & 1) * 16 + (run & 2) * 32 + column / 64 * 16 + column % 16;
  }
  __host__ __device__ static std::size_t bytes(unsigned rows, std::uint32_t cols) {
    return rows * (row_bytes(cols) + cols / 16 * sizeof(ScaleAndSum));
  }
};
template <>
struct Activations<false> {
  const float* x;
  __host__ __device__ static std::size_t bytes(unsigned rows, std::uint32_t cols) {
    return rows * cols * sizeof(float);
  }
};

// Where element c of a row lies: 16-bit types read 8 at once, as two runs of 4 without conflicts.
template <int elements>
__device__ inline std::uint32_t float_place(std::uint32_t c, std::uint32_t cols) {
  if constexpr (elements == 4) return c;
  return (c % 8 / 4) * (cols / 2) + c / 8 * 4 + c % 4;
}

__device__ inline float4 times(float4 a, float4 b, float factor) {
  return {a.x * b.x * factor, a.y * b.y * factor, a.z * b.z * factor, a.w * b.w * factor};
}

// Weights of the norm in shared memory, fetched while the kernel before is still at work.
template <unsigned threads>
__device__ void fetch_norm(const Matvec& job, std::uint32_t cols, float4* norm) {
  if (job.norm == nullptr) return;
  for (std::uint32_t i = threadIdx.x; i < cols / 4; i += threads) {
    norm[i] = __ldg(reinterpret_cast<const float4*>(job.norm) + i);
  }
}

// All activations of the rows, normalised: store(row, column, four of them). Several loads are in
// flight at once: every block waits for these.
template <unsigned threads, typename Store>
__device__ void each_activation(const Matvec& job, std::uint32_t cols, unsigned rows,
                                const float4* norm, float* scratch, Store store) {
  constexpr unsigned kAtOnce = 4096 / threads;
  constexpr std::uint32_t kStep = kAtOnce * threads;
  const std::uint32_t fours = cols / 4;
  for (unsigned b = 0; b < rows; ++b) {
    const auto* x = reinterpret_cast<const float4*>(job.x + std::uint64_t{b} * cols);
    const bool real = b < job.n;
    const bool normalised = job.norm != nullptr && real;
    float4 v[kAtOnce];
    const auto fetch = [&](std::uint32_t begin) {
#pragma unroll
      for (unsigned k = 0; k < kAtOnce; ++k) {
        const std::uint32_t i = begin + k * threads + threadIdx.x;
        v[k] = real && i < fours ? __ldcg(x + i) : float4{0, 0, 0, 0};
      }
    };
    float factor = 1;
    if (normalised) {
      float squares = 0;
      for (std::uint32_t begin = 0; begin < fours; begin += kStep) {
        fetch(begin);
#pragma unroll
        for (const float4& e : v) squares += e.x * e.x + e.y * e.y + e.z * e.z + e.w * e.w;
      }
      factor = rsqrtf(block_sum(squares, scratch) / static_cast<float>(cols) + job.epsilon);
    }
    for (std::uint32_t begin = 0; begin < fours; begin += kStep) {
      if (!normalised || fours > kStep) fetch(begin);  // else they are still there
#pragma unroll
      for (unsigned k = 0; k < kAtOnce; ++k) {
        const std::uint32_t i = begin + k * threads + threadIdx.x;
        if (i >= fours) continue;
        if (normalised) {
          v[k] = times(v[k], norm[i], factor);
          if (job.normed != nullptr && blockIdx.x == 0) {
            reinterpret_cast<float4*>(job.normed + std::uint64_t{b} * cols)[i] = v[k];
          }
        }
        store(b, 4 * i, v[k]);
      }
    }
  }
}

// Eight neighbouring threads hold 32 activations. Returns their scale, and the sum of what the
// thread's 16 stand for.
__device__ inline float2 quantise_four(float4 v, std::int8_t* q, ScaleAndSum* group) {
  const unsigned mask = __activemask();
  float largest = fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w)));
#pragma unroll
  for (int offset = 1; offset < 8; offset *= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(mask, largest, offset));
  }
  const float scale = largest * (1.0F / 127.0F);
  const float inverse = largest > 0 ? __fdividef(127.0F, largest) : 0;  // every block waits for it
  const int a = __float2int_rn(v.x * inverse);
  const int b = __float2int_rn(v.y * inverse);
  const int c = __float2int_rn(v.z * inverse);
  const int d = __float2int_rn(v.w * inverse);
  *reinterpret_cast<char4*>(q) = {static_cast<signed char>(a), static_cast<signed char>(b),
                                  static_cast<signed char>(c), static_cast<signed char>(d)};
  int sum = a + b + c + d;
  sum += __shfl_xor_sync(mask, sum, 1);
  sum += __shfl_xor_sync(mask, sum, 2);
  const float2 of_16 = {scale, scale * static_cast<float>(sum)};
  if (threadIdx.x % 4 == 0) *group = {of_16.x, of_16.y};
  return of_16;
}

// 32 weights times a row's activations at `at`.
__device__ inline float times_row(const Chunk& w, const Columns& at, const std::int8_t* q,
                                  const ScaleAndSum* groups, std::uint32_t plane) {
  using A = Activations<true>;
  const int4 first = *reinterpret_cast<const int4*>(q + A::place(at.first, plane));
  const int4 second = *reinterpret_cast<const int4*>(q + A::place(at.second, plane));
  const ScaleAndSum g0 = groups[at.first / 16];
  const ScaleAndSum g1 = groups[at.second / 16];
  int dot0 = __dp4a(w.q[0], first.x, 0);
  int dot1 = __dp4a(w.q[4], second.x, 0);
  dot0 = __dp4a(w.q[1], first.y, dot0);
  dot1 = __dp4a(w.q[5], second.y, dot1);
  dot0 = __dp4a(w.q[2], first.z, dot0);
  dot1 = __dp4a(w.q[6], second.z, dot1);
  dot0 = __dp4a(w.q[3], first.w, dot0);
  dot1 = __dp4a(w.q[7], second.w, dot1);
  return w.scale[0] * (g0.scale * static_cast<float>(dot0)) - w.minus[0] * g0.sum +
         w.scale[1] * (g1.scale * static_cast<float>(dot1)) - w.minus[1] * g1.sum;
}

template <TensorType type, unsigned rows, unsigned threads>
__device__ auto prepare_activations(const Matvec& job, unsigned char* shared, const float4* norm,
                                    float* scratch) {
  const std::uint32_t cols = job.matrix[0].cols;
  if constexpr (is_float(type)) {
    auto* x = reinterpret_cast<float*>(shared);
    constexpr int kElements = FloatFormat<type>::kElements;
    each_activation<threads>(
        job, cols, rows, norm, scratch, [&](unsigned b, std::uint32_t c, float4 v) {
          *reinterpret_cast<float4*>(x + b * cols + float_place<kElements>(c, cols)) = v;
        });
    __syncthreads();
    return Activations<false>{x};
  } else {
    auto* q = reinterpret_cast<std::int8_t*>(shared);
    const std::uint32_t plane = Activations<true>::plane(cols);
    auto* groups = reinterpret_cast<ScaleAndSum*>(shared + rows * 4 * plane);
    each_activation<threads>(
        job, cols, rows, norm, scratch, [&](unsigned b, std::uint32_t c, float4 v) {
          quantise_four(v, q + b * 4 * plane + Activations<true>::place(c, plane),
                        groups + (b * cols + c) / 16);
        });
    __syncthreads();
    return Activations<true>{q, groups};
  }
}

}  // namespace ceiling::cuda
