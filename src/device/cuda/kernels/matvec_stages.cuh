// A stage of a ring: some columns of one row of a matrix in shared memory; and the one row of
// activations that it is multiplied by.
#pragma once

#include "device/cuda/kernels/matvec_activations.cuh"
#include "device/cuda/kernels/tensor_core.cuh"

namespace ceiling::cuda {

// --- the row of activations ---

template <bool quantised>
struct OneRow;

template <>
struct OneRow<true> : Activations<true> {
  const float4* pairs;  // of 64 activations: the scales of each 32, then the sums of each 32
  __host__ __device__ static std::size_t pairs_at(std::uint32_t cols) {
    return (Activations<true>::bytes(1, cols) + 15) / 16 * 16;
  }
  __host__ __device__ static std::size_t bytes(std::uint32_t cols) {
    return pairs_at(cols) + (cols + 63) / 64 * sizeof(float4);
  }
};
template <>
struct OneRow<false> : Activations<false> {
  __host__ __device__ static std::size_t bytes(std::uint32_t cols) {
    return Activations<false>::bytes(1, cols);
  }
};

// Column c of the row, and the three after it, to their places.
__device__ inline void store_four(float4 v, std::uint32_t c, std::uint32_t plane, std::int8_t* q,
                                  ScaleAndSum* groups, float* pairs) {
  const unsigned mask = __activemask();
  float2 of_16 = quantise_four(v, q + Activations<true>::place(c, plane), groups + c / 16);
  of_16.y += __shfl_xor_sync(mask, of_16.y, 4);
  if (threadIdx.x % 8 == 0) {
    float* pair = pairs + c / 64 * 4 + c / 32 % 2;
    pair[0] = of_16.x;
    pair[2] = of_16.y;
  }
}

// The row times the norm's weights, as the type wants it; the sum of squares of each warp's part
// beside it. The norm's factor is left to the results: no thread waits for the others twice.
template <TensorType type, unsigned threads>
__device__ OneRow<!is_float(type)> prepare_row(const Matvec& job, unsigned char* shared,
                                               const float4* norm, float* squares_of_warp) {
  using Row = OneRow<!is_float(type)>;
  constexpr unsigned kAtOnce = 4096 / threads;
  const std::uint32_t cols = job.matrix[0].cols;
  const std::uint32_t fours = cols / 4;
  const std::uint32_t plane = Activations<true>::plane(cols);
  auto* q = reinterpret_cast<std::int8_t*>(shared);
  auto* groups = reinterpret_cast<ScaleAndSum*>(shared + 4 * plane);
  auto* floats = reinterpret_cast<float*>(shared);
  const auto* x = reinterpret_cast<const float4*>(job.x);
  float squares = 0;
  for (std::uint32_t begin = 0; begin < fours; begin += kAtOnce * threads) {
    float4 v[kAtOnce];
#pragma unroll
    for (unsigned k = 0; k < kAtOnce; ++k) {
      const std::uint32_t i = begin + k * threads + threadIdx.x;
      if (i < fours) v[k] = __ldcg(x + i);
    }
#pragma unroll
    for (unsigned k = 0; k < kAtOnce; ++k) {
      const std::uint32_t i = begin + k * threads + threadIdx.x;
      if (i >= fours) continue;
      if (job.norm != nullptr) {
        squares += v[k].x * v[k].x + v[k].y * v[k].y + v[k].z * v[k].z + v[k].w * v[k].w;
        v[k] = times(v[k], norm[i], 1.0F);
      }
      if constexpr (is_float(type)) {
        constexpr int kElements = FloatFormat<type>::kElements;
        *reinterpret_cast<float4*>(floats + float_place<kElements>(4 * i, cols)) = v[k];
      } else {
        store_four(v[k], 4 * i, plane, q, groups,
                   reinterpret_cast<float*>(shared + Row::pairs_at(cols)));
      }
    }
  }
  if (job.norm != nullptr) {
    squares = warp_sum(squares);
    if (threadIdx.x % 32 == 0) squares_of_warp[threadIdx.x / 32] = squares;
  }
  if constexpr (is_float(type)) {
    return {{floats}};
  } else {
    return {{q, groups}, reinterpret_cast<const float4*>(shared + Row::pairs_at(cols))};
  }
}

template <unsigned warps>
__device__ float norm_factor(const Matvec& job, const float* squares_of_warp) {
  if (job.norm == nullptr) return 1;
  float sum = 0;
#pragma unroll
  for (unsigned w = 0; w < warps; ++w) sum += squares_of_warp[w];
  return rsqrtf(sum / static_cast<float>(job.matrix[0].cols) + job.epsilon);
}

// --- stages ---

// A run of bytes that one warp copies, `unit` at a time; a lane begins at its own.
template <std::uint32_t most, std::uint32_t unit = 16>
struct Run {
  const std::uint8_t* from;
  __device__ void start(const std::uint8_t* begin) { from = begin + threadIdx.x % 32 * unit; }
  __device__ void copy(std::uint8_t* to, std::uint32_t bytes) {
    const std::uint32_t mine = threadIdx.x % 32 * unit;
#pragma unroll
    for (std::uint32_t at = 0; at < most; at += 32 * unit) {
      if (at + mine >= bytes) continue;
      if constexpr (unit == 16) {
        copy_async_16(to + at + mine, from + at, true);
      } else {
        copy_async_4(to + at + mine, from + at);
      }
    }
    from += most;
  }
};

template <typename T>
__device__ T staged(const std::uint8_t* at) {
  return *reinterpret_cast<const T*>(at);
}

// kColumns of a row take kBytes. A Source copies piece after piece of one row; multiply takes a
// piece: `cols` of the whole row, `column`: the first of the piece.
template <TensorType type>
struct Staged;

// Blocks of 256 in a row, as the file has them.
template <std::uint32_t block_bytes>
struct StagedBlocks {
  static constexpr std::uint32_t kColumns = 2048, kBytes = kColumns / 256 * block_bytes;
  struct Source {
    Run<kBytes> run;
    __device__ void start(const Matrix& m, std::uint32_t cols, std::uint64_t row) {
      run.start(m.data + row * (cols / 256) * block_bytes);
    }
    __device__ void copy(std::uint8_t* to, std::uint32_t columns) {
      run.copy(to, columns / 256 * block_bytes);
    }
  };
};

// A lane has 64 weights: two whole groups.
template <>
struct Staged<TensorType::Q4_K> : StagedBlocks<144> {
  // A word of the first four times one of the second; the first are unsigned.
  __device__ static int dot(std::uint32_t unsigneds, int signeds, int sum) {
    asm("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(unsigneds), "r"(signeds));
    return sum;
  }
  template <std::uint32_t mask>
  __device__ static int dot(const uint4& w, const int4& x) {
    int sum = dot(w.x & mask, x.x, 0);
    sum = dot(w.y & mask, x.y, sum);
    sum = dot(w.z & mask, x.z, sum);
    return dot(w.w & mask, x.w, sum);
  }
  __device__ static void multiply(const std::uint8_t* stage, const OneRow<true>& x,
                                  std::uint32_t cols, std::uint32_t column, float& sum) {
    const std::uint32_t lane = threadIdx.x % 32;
    if (64 * lane >= cols - column) return;
    const std::uint32_t plane = Activations<true>::plane(cols);
    const std::uint32_t chunk = column / 64 + lane;
    const std::uint8_t* block = stage + lane / 4 * 144;
    const auto header = staged<uint4>(block);
    const auto first = staged<uint4>(block + 16 + 32 * (lane % 4));
    const auto second = staged<uint4>(block + 32 + 32 * (lane % 4));
    const auto* q = reinterpret_cast<const std::uint8_t*>(x.q) + 16 * chunk;
    const int low = dot<0x0F0F0F0Fu>(first, staged<int4>(q)) +
                    dot<0x0F0F0F0Fu>(second, staged<int4>(q + plane + 16));
    const int high = dot<0xF0F0F0F0u>(first, staged<int4>(q + 2 * plane + 64)) +  // 16 times
                     dot<0xF0F0F0F0u>(second, staged<int4>(q + 3 * plane + 80));
    // NibblePairs::scales, by what does not change for a lane.
    const std::uint32_t shift = lane % 2 * 16;
    const bool late = lane % 4 >= 2;
    const std::uint32_t low_mask = late ? 0x0F0Fu : 0;
    const std::uint32_t own_mask = late ? 0x3030u : 0x3F3Fu;
    const std::uint32_t own_shift = late ? shift + 2 : shift;
    const std::uint32_t scale =
        ((header.w >> shift) & low_mask) | ((header.y >> own_shift) & own_mask);
    const std::uint32_t minimum =
        ((header.w >> (shift + 4)) & low_mask) | ((header.z >> own_shift) & own_mask);
    const float4 pair = x.pairs[chunk];
    const float plus =
        static_cast<float>(scale & 0xFFu) * (pair.x * static_cast<float>(low)) +
        static_cast<float>(scale >> 8) * (pair.y * (0.0625F * static_cast<float>(high)));
    const float minus =
        static_cast<float>(minimum & 0xFFu) * pair.z + static_cast<float>(minimum >> 8) * pair.w;
    sum += half_bits(header.x & 0xFFFFu) * plus - half_bits(header.x >> 16) * minus;
  }
};

// Of types that are unpacked 32 weights at a time: `read` brings chunk `here` of the stage.
template <TensorType type, typename Read>
__device__ void multiply_chunks(const OneRow<true>& x, std::uint32_t cols, std::uint32_t column,
                                float& sum, Read read) {
  using F = Format<type>;
  const std::uint32_t plane = Activations<true>::plane(cols);
#pragma unroll
  for (std::uint32_t begin = 0; begin < Staged<type>::kColumns / 32; begin += 32) {
    const std::uint32_t here = begin + threadIdx.x % 32;
    if (32 * here >= cols - column) continue;
    const std::uint32_t chunk = column / 32 + here;
    Chunk w;
    F::unpack(read(here), chunk, w);
    sum += times_row(w, F::columns(chunk), x.q, x.groups, plane);
  }
}

template <>
struct Staged<TensorType::Q5_K> : StagedBlocks<176> {
  __device__ static void multiply(const std::uint8_t* stage, const OneRow<true>& x,
                                  std::uint32_t cols, std::uint32_t column, float& sum) {
    multiply_chunks<TensorType::Q5_K>(x, cols, column, sum, [&](std::uint32_t here) {
      const std::uint8_t* block = stage + here / 8 * 176;
      return Format<TensorType::Q5_K>::Raw{staged<uint4>(block + 48 + 16 * (here % 8)),
                                           staged<uint4>(block),
                                           staged<uint4>(block + 16 + 16 * (here % 2))};
    });
  }
};

// The planes of Format<Q6_K>, a piece of each.
template <>
struct Staged<TensorType::Q6_K> {
  static constexpr std::uint32_t kColumns = 2048, kBlocks = kColumns / 256;
  static constexpr std::uint32_t kHigh = 128 * kBlocks, kScales = 192 * kBlocks, kD = 208 * kBlocks,
                                 kBytes = 210 * kBlocks;
  struct Source {
    Run<kHigh> low;
    Run<kScales - kHigh> high;
    Run<kD - kScales> scales;
    Run<kBytes - kD, 4> d;
    __device__ void start(const Matrix& m, std::uint32_t cols, std::uint64_t row) {
      const std::uint64_t all = m.all_rows * (cols / 256);
      const std::uint64_t first = row * (cols / 256);
      low.start(m.data + 128 * first);
      high.start(m.data + 128 * all + 64 * first);
      scales.start(m.data + 192 * all + 16 * first);
      d.start(m.data + 208 * all + 2 * first);
    }
    __device__ void copy(std::uint8_t* to, std::uint32_t columns) {
      low.copy(to, columns / 2);
      high.copy(to + kHigh, columns / 4);
      scales.copy(to + kScales, columns / 16);
      d.copy(to + kD, columns / 128);
    }
  };
  __device__ static void multiply(const std::uint8_t* stage, const OneRow<true>& x,
                                  std::uint32_t cols, std::uint32_t column, float& sum) {
    multiply_chunks<TensorType::Q6_K>(x, cols, column, sum, [&](std::uint32_t here) {
      return Format<TensorType::Q6_K>::Raw{staged<uint4>(stage + 16 * here),
                                           staged<uint2>(stage + kHigh + 8 * here),
                                           staged<std::uint16_t>(stage + kScales + 2 * here),
                                           staged<std::uint16_t>(stage + kD + here / 8 * 2)};
    });
  }
};

// The planes of Format<Q8_0>.
template <>
struct Staged<TensorType::Q8_0> {
  static constexpr std::uint32_t kColumns = 1024, kBytes = kColumns + kColumns / 16;
  struct Source {
    Run<kColumns> integers;
    Run<kColumns / 16, 4> scales;
    __device__ void start(const Matrix& m, std::uint32_t cols, std::uint64_t row) {
      integers.start(m.data + row * cols);
      scales.start(m.data + m.all_rows * cols + row * (cols / 16));
    }
    __device__ void copy(std::uint8_t* to, std::uint32_t columns) {
      integers.copy(to, columns);
      scales.copy(to + kColumns, columns / 16);
    }
  };
  __device__ static void multiply(const std::uint8_t* stage, const OneRow<true>& x,
                                  std::uint32_t cols, std::uint32_t column, float& sum) {
    multiply_chunks<TensorType::Q8_0>(x, cols, column, sum, [&](std::uint32_t here) {
      return Format<TensorType::Q8_0>::Raw{staged<uint4>(stage + 32 * here),
                                           staged<uint4>(stage + 32 * here + 16),
                                           staged<std::uint16_t>(stage + kColumns + 2 * here)};
    });
  }
};

// Two bytes a weight.
template <TensorType type>
struct StagedHalves {
  static constexpr std::uint32_t kColumns = 512, kBytes = 2 * kColumns;
  struct Source {
    Run<kBytes> run;
    __device__ void start(const Matrix& m, std::uint32_t cols, std::uint64_t row) {
      run.start(m.data + 2 * row * cols);
    }
    __device__ void copy(std::uint8_t* to, std::uint32_t columns) { run.copy(to, 2 * columns); }
  };
  __device__ static void multiply(const std::uint8_t* stage, const OneRow<false>& x,
                                  std::uint32_t cols, std::uint32_t column, float& sum) {
#pragma unroll
    for (std::uint32_t begin = 0; begin < kColumns; begin += 256) {
      const std::uint32_t here = begin + threadIdx.x % 32 * 8;
      if (here >= cols - column) continue;
      float w[8];
      FloatFormat<type>::unpack(staged<uint4>(stage + 2 * here), w);
      const auto* at = reinterpret_cast<const float4*>(x.x + (column + here) / 2);
      const float4 a = at[0];
      const float4 b = at[cols / 8];
      sum += w[0] * a.x + w[1] * a.y + w[2] * a.z + w[3] * a.w;
      sum += w[4] * b.x + w[5] * b.y + w[6] * b.z + w[7] * b.w;
    }
  }
};
template <>
struct Staged<TensorType::F16> : StagedHalves<TensorType::F16> {};
template <>
struct Staged<TensorType::BF16> : StagedHalves<TensorType::BF16> {};

}  // namespace ceiling::cuda
