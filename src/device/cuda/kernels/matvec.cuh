// Matrices times a few rows: the work of decode, bound by reading the weights.
//
// A warp owns whole rows of the matrix; the loads of its next tile are in flight while it works on
// one, and those of its first two before the kernel before this one has ended. Quantised types
// multiply int8 activations (a scale for each 32 of them, as the CPU does), made by each block for
// itself.
#pragma once

#include "device/cuda/kernels/matvec_activations.cuh"

namespace ceiling::cuda {

// A tile: `depth` loads of each lane, of one row of one matrix.
template <TensorType type, unsigned rows, int depth, bool quantised = !is_float(type)>
struct Tile;

template <TensorType type, unsigned rows, int depth>
struct Tile<type, rows, depth, true> {
  using F = Format<type>;
  typename F::Raw raw[depth];

  __device__ static std::uint32_t count(std::uint32_t cols) {
    return (cols / 32 + 32 * depth - 1) / (32 * depth);
  }
  __device__ void load(const Stored& m, std::uint64_t row, std::uint32_t tile) {
#pragma unroll
    for (int u = 0; u < depth; ++u) {
      const std::uint32_t chunk = (tile * depth + u) * 32 + threadIdx.x % 32;
      if (chunk < m.cols / 32) raw[u] = F::load(m, row, chunk);
    }
  }
  __device__ void multiply(const Activations<true>& x, std::uint32_t cols, std::uint32_t tile,
                           float (&sums)[rows]) const {
    const std::uint32_t plane = Activations<true>::plane(cols);
#pragma unroll
    for (int u = 0; u < depth; ++u) {
      const std::uint32_t chunk = (tile * depth + u) * 32 + threadIdx.x % 32;
      if (chunk >= cols / 32) continue;
      Chunk w;
      F::unpack(raw[u], chunk, w);
      const Columns at = F::columns(chunk);
#pragma unroll
      for (unsigned b = 0; b < rows; ++b) {
        sums[b] += times_row(w, at, x.q + b * 4 * plane, x.groups + b * (cols / 16), plane);
      }
    }
  }
};

// Q4_K, 64 weights a load: two whole groups, so that scales are taken apart once for each.
template <unsigned rows, int depth>
struct Tile<TensorType::Q4_K, rows, depth, true> {
  static constexpr int kLoads = (depth + 1) / 2;
  struct Raw {
    uint4 q[2], header;
  };
  Raw raw[kLoads];

  __device__ static std::uint32_t count(std::uint32_t cols) {
    return (cols / 64 + 32 * kLoads - 1) / (32 * kLoads);
  }
  __device__ void load(const Stored& m, std::uint64_t row, std::uint32_t tile) {
#pragma unroll
    for (int u = 0; u < kLoads; ++u) {
      const std::uint32_t chunk = (tile * kLoads + u) * 32 + threadIdx.x % 32;
      if (chunk >= m.cols / 64) continue;
      const std::uint8_t* block = m.data + (row * (m.cols / 256) + chunk / 4) * 144;
      const std::uint8_t* q = block + 16 + 32 * (chunk % 4);
      raw[u] = {{load16(q), load16(q + 16)}, load16(block)};
    }
  }
  __device__ void multiply(const Activations<true>& x, std::uint32_t cols, std::uint32_t tile,
                           float (&sums)[rows]) const {
    using A = Activations<true>;
    const std::uint32_t plane = A::plane(cols);
#pragma unroll
    for (int u = 0; u < kLoads; ++u) {
      const std::uint32_t chunk = (tile * kLoads + u) * 32 + threadIdx.x % 32;
      if (chunk >= cols / 64) continue;
      Chunk w[2];
      low_and_high_nibbles(raw[u].q[0], w[0]);
      low_and_high_nibbles(raw[u].q[1], w[1]);
      NibblePairs::scales(raw[u].header, 2 * chunk, w[0]);
#pragma unroll
      for (unsigned b = 0; b < rows; ++b) {
        const std::int8_t* q = x.q + b * 4 * plane + 16 * chunk;
        const auto* groups =
            reinterpret_cast<const float4*>(x.groups + b * (cols / 16) + 4 * chunk);
#pragma unroll
        for (int g = 0; g < 2; ++g) {
          const float4 group = groups[g];  // scale, sum, scale again, sum of the other half
          int dot = 0;
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int run = 2 * g + half;
            const int4 v =
                *reinterpret_cast<const int4*>(q + run * plane + (run & 1) * 16 + (run & 2) * 32);
            dot = __dp4a(w[half].q[4 * g], v.x, dot);
            dot = __dp4a(w[half].q[4 * g + 1], v.y, dot);
            dot = __dp4a(w[half].q[4 * g + 2], v.z, dot);
            dot = __dp4a(w[half].q[4 * g + 3], v.w, dot);
          }
          sums[b] += w[0].scale[g] * (group.x * static_cast<float>(dot));
          sums[b] -= w[0].minus[g] * (group.y + group.w);
        }
      }
    }
  }
};

template <TensorType type, unsigned rows, int depth>
struct Tile<type, rows, depth, false> {
  using F = FloatFormat<type>;
  static constexpr int kElements = F::kElements;
  uint4 raw[depth];

  __device__ static std::uint32_t count(std::uint32_t cols) {
    return (cols / kElements + 32 * depth - 1) / (32 * depth);
  }
  __device__ void load(const Stored& m, std::uint64_t row, std::uint32_t tile) {
#pragma unroll
    for (int u = 0; u < depth; ++u) {
      const std::uint32_t chunk = (tile * depth + u) * 32 + threadIdx.x % 32;
      if (chunk < m.cols / kElements) {
        raw[u] = load16(m.data + (row * m.cols + std::uint64_t{chunk} * kElements) * F::kBytes);
      }
    }
  }
  __device__ void multiply(const Activations<false>& x, std::uint32_t cols, std::uint32_t tile,
                           float (&sums)[rows]) const {
#pragma unroll
    for (int u = 0; u < depth; ++u) {
      const std::uint32_t chunk = (tile * depth + u) * 32 + threadIdx.x % 32;
      if (chunk >= cols / kElements) continue;
      float w[kElements];
      F::unpack(raw[u], w);
#pragma unroll
      for (unsigned b = 0; b < rows; ++b) {
#pragma unroll
        for (int part = 0; part < kElements / 4; ++part) {
          const float4 v =
              *reinterpret_cast<const float4*>(x.x + b * cols + part * (cols / 2) + chunk * 4);
          sums[b] += w[4 * part] * v.x + w[4 * part + 1] * v.y + w[4 * part + 2] * v.z +
                     w[4 * part + 3] * v.w;
        }
      }
    }
  }
};

// The rows that one warp owns of the matrices [begin, end) of a job, tile after tile. Two tiles are
// on their way, so two cursors: of the tile in work and of the next to fetch.
template <TensorType type, unsigned rows, int depth>
class WarpRows {
 public:
  __device__ WarpRows(const Matvec& job, std::uint32_t begin, std::uint32_t end, bool from_back)
      : job_(job), begin_(begin), end_(job.gated ? begin + 1 : end) {
    const std::uint32_t warp = threadIdx.x / 32 * gridDim.x + blockIdx.x;
    at_ = {from_back ? warps() - 1 - warp : warp, 0, begin};
    settle(at_);
    next_ = at_;
    fetch(first_);
    fetch(second_);
  }

  template <typename X>
  __device__ void run(const X& x) {
    const std::uint32_t cols = job_.matrix[0].cols;
    float sums[rows] = {};
    float gates[rows] = {};
    while (real(at_)) {
      if (at_.tile == 0) residual_ = load_add(at_);
      first_.multiply(x, cols, at_.tile, sums);
      first_ = second_;
      fetch(second_);
      if (at_.tile + 1 == tiles()) {
#pragma unroll
        for (unsigned b = 0; b < rows; ++b) sums[b] = warp_sum(sums[b]);
        if (job_.gated && at_.matrix == begin_) {
#pragma unroll
          for (unsigned b = 0; b < rows; ++b) gates[b] = sums[b];
        } else {
          write(at_, sums, gates);
        }
#pragma unroll
        for (unsigned b = 0; b < rows; ++b) sums[b] = 0;
      }
      advance(at_);
    }
  }

 private:
  struct Cursor {
    std::uint32_t row = 0, tile = 0, matrix = 0;
  };
  using Weights = Tile<type, rows, depth>;

  __device__ static std::uint32_t warps() { return gridDim.x * (blockDim.x / 32); }
  __device__ std::uint32_t tiles() const { return Weights::count(job_.matrix[0].cols); }
  __device__ bool real(const Cursor& at) const { return at.row < job_.matrix[at.matrix].rows; }

  // A row beyond a matrix is one of the next.
  __device__ void settle(Cursor& at) const {
    while (at.matrix + 1 < end_ && !real(at)) at.row -= job_.matrix[at.matrix++].rows;
  }
  __device__ void advance(Cursor& at) const {
    if (++at.tile < tiles()) return;
    at.tile = 0;
    if (job_.gated) {  // the gate, then what it multiplies
      at.matrix ^= 1;
      if (at.matrix != 0) return;
    }
    at.row += warps();
    settle(at);
  }
  __device__ void fetch(Weights& tile) {
    if (!real(next_)) return;
    const Matrix& matrix = job_.matrix[next_.matrix];
    tile.load({matrix.data, matrix.all_rows, job_.matrix[0].cols}, next_.row, next_.tile);
    advance(next_);
  }
  __device__ float load_add(const Cursor& at) const {
    const unsigned lane = threadIdx.x % 32;
    if (job_.add == nullptr || lane >= job_.n) return 0;
    return __ldcg(job_.add + std::uint64_t{lane} * job_.matrix[at.matrix].rows + at.row);
  }
  __device__ void write(const Cursor& at, const float (&sums)[rows],
                        const float (&gates)[rows]) const {
    const unsigned lane = threadIdx.x % 32;
    if (lane >= job_.n) return;
    float value = sums[0];
    float gate = gates[0];
#pragma unroll
    for (unsigned b = 1; b < rows; ++b) {
      if (lane == b) {
        value = sums[b];
        gate = gates[b];
      }
    }
    if (job_.gated) value *= activate(job_.activation, gate);
    const Output& output = job_.output[job_.gated ? 0 : at.matrix];
    if (output.bias != nullptr) value += __ldg(output.bias + at.row);
    output.out[std::uint64_t{lane} * job_.matrix[at.matrix].rows + at.row] = value + residual_;
  }

  const Matvec& job_;
  std::uint32_t begin_, end_;
  Cursor at_, next_;
  float residual_ = 0;
  Weights first_, second_;
};

template <TensorType type, TensorType other, unsigned rows, int depth, unsigned threads>
__global__ void __launch_bounds__(threads, 1) matvec(const __grid_constant__ Matvec job) {
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ float scratch[32];
  WarpRows<type, rows, depth> first(job, 0, job.first_other, false);
  auto* norm = reinterpret_cast<float4*>(
      shared + Activations<!is_float(type)>::bytes(rows, job.matrix[0].cols));
  fetch_norm<threads>(job, job.matrix[0].cols, norm);
  let_next_start();
  wait_for_previous();
  const auto x = prepare_activations<type, rows, threads>(job, shared, norm, scratch);
  first.run(x);
  if constexpr (type != other) {
    WarpRows<other, rows, depth> rest(job, job.first_other, job.count, true);
    rest.run(x);
  }
}

// Activations, then the norm.
inline std::size_t matvec_shared(unsigned rows, TensorType type, std::uint32_t cols, bool norm) {
  const std::size_t activations =
      is_float(type) ? Activations<false>::bytes(rows, cols) : Activations<true>::bytes(rows, cols);
  return activations + (norm ? cols * sizeof(float) : 0);
}

template <TensorType type, TensorType other, unsigned rows, int depth,
          unsigned threads = kMatvecThreads>
void launch_matvec_as(const Stage& stage, const Matvec& job) {
  const auto kernel = matvec<type, other, rows, depth, threads>;
  static const cudaError_t raised = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(stage.shared_limit));
  check(raised, "asking for shared memory");
  const std::size_t shared =
      matvec_shared(rows, job.matrix[0].type, job.matrix[0].cols, job.norm != nullptr);
  launch(stage, kernel, dim3(stage.multiprocessors), threads, shared, job);
}

// Whether a warp has few tiles of one row's product: its rows are short, or there is but one.
inline bool has_few_tiles(const Stage& stage, const Matvec& job) {
  constexpr std::uint32_t kShortRow = 4096;
  std::uint64_t rows = 0;
  for (std::uint32_t i = 0; i < job.count; ++i) rows += job.matrix[i].rows;
  return job.matrix[0].cols <= kShortRow ||
         rows <= std::uint64_t{stage.multiprocessors} * (kMatvecThreads / 32);
}

// The kernel for the number of rows: 1, up to 4, up to 8.
template <TensorType type, TensorType other = type, int depth = 4>
void launch_matvec_rows(const Stage& stage, const Matvec& job) {
  if constexpr (!is_float(type) && depth > 2) {
    if (job.n == 1 && has_few_tiles(stage, job)) {
      return launch_matvec_as<type, other, 1, 2, kMatvecManyThreads>(stage, job);
    }
  }
  if (job.n == 1) {
    launch_matvec_as<type, other, 1, depth>(stage, job);
  } else if (job.n <= 4) {
    launch_matvec_as<type, other, 4, 2>(stage, job);
  } else {
    launch_matvec_as<type, other, 8, 2>(stage, job);
  }
}

// By file, so that they compile side by side.
void launch_matvec_float(const Stage& stage, const Matvec& job);
void launch_matvec_super_blocks(const Stage& stage, const Matvec& job);
void launch_matvec_small_blocks(const Stage& stage, const Matvec& job);

}  // namespace ceiling::cuda
