// Attention of a decode step on tensor cores: all query heads that share a KV head are the rows of
// one 16-row tile, so keys and values are read once. A block takes some pages of one row; each of
// its warps 16 positions of every page. Pages are fetched before the kernel that makes the queries
// has ended; what this step appends is put among them after. Deep in a text more blocks share a
// row, two of them on a multiprocessor.
#include <algorithm>

#include "device/cuda/kernels/attend_join.cuh"
#include "device/cuda/kernels/pages.cuh"
#include "device/cuda/kernels/turn.cuh"

namespace ceiling::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr unsigned kWarps = kThreads / 32;
constexpr unsigned kHeads = 16;  // rows of the tile

template <int width, bool deep>
struct Layout {  // of shared memory, in bytes
  static constexpr std::size_t kTile = std::size_t{kTilePositions} * width * sizeof(__half);
  static constexpr std::size_t kQueries = kHeads * width * sizeof(__half);
  static constexpr std::size_t kStaged = std::size_t{kWarps + 2} * width * sizeof(float);
  static constexpr std::size_t kRotations = std::size_t{width} * sizeof(float2);
  static constexpr unsigned kStages = width > 128 ? 2 : (deep ? 3 : 4);  // pages on their way
  static constexpr std::size_t kBytes = kQueries + kStaged + kRotations + 2 * kStages * kTile;
  static_assert(kWarps * kHeads * (width + 2) * sizeof(float) <= 2 * kStages * kTile);  // joined
};

// The queries of the block's heads as float16, turned if asked for: a warp a head.
template <int width>
__device__ void prepare_queries(const Attend& job, const TurnAndAppend& turn,
                                const HeadRange& range, const float2* rotations, float* staged,
                                __half* queries) {
  const unsigned lane = threadIdx.x % 32;
  float* const head = staged + threadIdx.x / 32 * width;
  const std::uint32_t real = job.kv.key.width;
  for (unsigned h = threadIdx.x / 32; h < kHeads; h += kWarps) {
    const bool used = range.begin + h < range.end;
    const float* from = job.query + (std::uint64_t{range.row} * job.heads + range.begin + h) * real;
    for (unsigned i = lane; i < width; i += 32) {
      head[i] = used && i < real ? __ldcg(from + i) : 0.0F;
    }
    __syncwarp();
    if (used && turn.n != 0) turn_head(turn.query, job.rows.position[range.row], rotations, head);
    for (unsigned c = lane; c < width / 2; c += 32) {
      *reinterpret_cast<unsigned*>(queries + tile_place<width>(h, c / 4) + c % 4 * 2) =
          pack_halves(head[2 * c], head[2 * c + 1]);
    }
    __syncwarp();
  }
}

// The row's own key and value, by the first two warps: to the cache, and kept in `own`.
template <int width>
__device__ void append(const Attend& job, const TurnAndAppend& turn, std::uint32_t row,
                       std::uint32_t kv_head, const float2* rotations, float* own) {
  const unsigned warp = threadIdx.x / 32;
  if (warp > 1) return;
  float* const head = own + warp * width;
  const KvPlane& plane = warp == 0 ? job.kv.key : job.kv.value;
  const float* from = (warp == 0 ? turn.key.value : turn.value) +
                      (std::uint64_t{row} * job.kv.kv_heads + kv_head) * plane.width;
  for (unsigned i = threadIdx.x % 32; i < width; i += 32) {
    head[i] = i < plane.width ? __ldcg(from + i) : 0.0F;
  }
  __syncwarp();
  if (warp == 0) turn_head(turn.key, job.rows.position[row], rotations, head);
  store_head(job.kv, plane, job.rows, row, kv_head, head);
}

// The same into the tiles of its page, which were fetched before it was there.
template <int width>
__device__ void put_own(const float* own, std::uint32_t slot, __half* keys, __half* values) {
  for (unsigned i = threadIdx.x; i < width; i += kThreads) {  // pairs of keys, then of values
    const bool key = i < width / 2;
    const unsigned c = i % (width / 2);
    const float* from = own + (key ? 0 : width) + 2 * c;
    *reinterpret_cast<unsigned*>((key ? keys : values) + tile_place<width>(slot, c / 4) +
                                 c % 4 * 2) = pack_halves(from[0], from[1]);
  }
}

// Rotations of queries, then of keys: they need no activation.
__device__ inline void prepare_rotations(const TurnAndAppend& turn, std::uint32_t position,
                                         unsigned half, float2* rotations) {
  if (turn.n == 0) return;
  for (unsigned i = threadIdx.x; i < 2 * half; i += kThreads) {
    const Turn& of = i < half ? turn.query : turn.key;
    const unsigned p = i % half;
    if (of.frequency != nullptr && p < of.rotated / 2) rotations[i] = rotation(of, position, p);
  }
}

template <int width, bool deep>
__global__ void __launch_bounds__(kThreads)
    attend_by_page(const __grid_constant__ Attend job, const __grid_constant__ TurnAndAppend turn) {
  extern __shared__ __align__(128) unsigned char shared[];
  using L = Layout<width, deep>;
  auto* const queries = reinterpret_cast<__half*>(shared);
  auto* const staged = reinterpret_cast<float*>(shared + L::kQueries);
  auto* const rotations = reinterpret_cast<float2*>(shared + L::kQueries + L::kStaged);
  auto* const tiles = reinterpret_cast<__half*>(shared + L::kQueries + L::kStaged + L::kRotations);
  constexpr unsigned kTile = kTilePositions * width;
  const std::uint32_t row = blockIdx.z;
  const std::uint32_t kv_head = blockIdx.y;
  const std::uint32_t group = job.heads / job.kv.kv_heads;
  const HeadRange range{row, kv_head * group, (kv_head + 1) * group};
  const std::uint32_t position = job.rows.position[row];
  const std::uint32_t* table = job.rows.pages + job.rows.table[row];
  const std::uint32_t oldest =
      job.window != 0 && position + 1 > job.window ? position + 1 - job.window : 0;
  const std::uint32_t first_page = oldest / kTilePositions;
  const std::uint32_t own_page = position / kTilePositions;
  const std::uint32_t pages = own_page + 1 - first_page;
  constexpr std::uint32_t kFewest = deep ? 1 : kDeep / kTilePositions;  // pages of a block
  const std::uint32_t each = max((pages + job.splits - 1) / job.splits, kFewest);
  const std::uint32_t active = (pages + each - 1) / each;
  const std::uint32_t begin = first_page + blockIdx.x * each;
  const std::uint32_t end = min(begin + each, own_page + 1);
  const auto fetch = [&](std::uint32_t page) {
    if (page < end) {
      const std::uint8_t* from = job.kv.base + table[page] * job.kv.page_bytes;
      __half* to = tiles + (page - begin) % L::kStages * 2 * kTile;
      fetch_page<width, kThreads>(from, job.kv.key, kv_head, to);
      fetch_page<width, kThreads>(from, job.kv.value, kv_head, to + kTile);
    }
    commit_async();
  };
  const bool works = blockIdx.x < active;
  const bool appends = turn.n != 0 && end == own_page + 1;
  float* const own = staged + kWarps * width;
  const auto fetch_first = [&] {
    for (std::uint32_t page = begin; page < begin + L::kStages; ++page) fetch(page);
  };
  const bool early = turn.n != 0;  // else the kernel before this one appends
  if (works && early) {
    fetch_first();
    prepare_rotations(turn, position, width / 2, rotations);
  }
  let_next_start();
  wait_for_previous();
  if (!works) return;
  if (!early) fetch_first();
  __syncthreads();
  if (appends) append<width>(job, turn, row, kv_head, rotations + width / 2, own);
  prepare_queries<width>(job, turn, range, rotations, staged, queries);

  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  float out[width / 8][4] = {};
  float highest[2] = {kLowestScore, kLowestScore};
  float sum[2] = {0, 0};
  for (std::uint32_t page = begin; page < end; ++page) {
    wait_async<L::kStages - 1>();
    __syncthreads();
    __half* const keys = tiles + (page - begin) % L::kStages * 2 * kTile;
    __half* const values = keys + kTile;
    if (appends && page == own_page) {
      put_own<width>(own, position % kTilePositions, keys, values);
      __syncthreads();
    }
    float scores[2][4] = {};
#pragma unroll
    for (unsigned k = 0; k < width / 16; ++k) {
      unsigned a[4];
      unsigned b[4];
      load_matrices(a, queries + tile_place<width>(lane % 16, 2 * k + lane / 16));
      load_matrices(
          b, keys + tile_place<width>(16 * warp + lane % 8 + lane / 16 * 8, 2 * k + lane / 8 % 2));
      multiply_add(scores[0], a, b[0], b[1]);
      multiply_add(scores[1], a, b[2], b[3]);
    }
    float next[2] = {highest[0], highest[1]};
#pragma unroll
    for (unsigned j = 0; j < 2; ++j) {
#pragma unroll
      for (unsigned e = 0; e < 4; ++e) {
        const std::uint32_t p = page * kTilePositions + 16 * warp + 8 * j + lane % 4 * 2 + e % 2;
        float score = scores[j][e] * job.scale;
        if (job.soft_cap > 0) score = job.soft_cap * tanhf(score / job.soft_cap);
        scores[j][e] = p <= position && p >= oldest ? score * kLog2e : -INFINITY;
        next[e / 2] = fmaxf(next[e / 2], scores[j][e]);
      }
    }
#pragma unroll
    for (unsigned r = 0; r < 2; ++r) {
      next[r] = fmaxf(next[r], __shfl_xor_sync(0xFFFFFFFFu, next[r], 1));
      next[r] = fmaxf(next[r], __shfl_xor_sync(0xFFFFFFFFu, next[r], 2));
      const float factor = exp2f(highest[r] - next[r]);
      highest[r] = next[r];
      sum[r] *= factor;
#pragma unroll
      for (unsigned i = 0; i < width / 8; ++i) {
        out[i][2 * r] *= factor;
        out[i][2 * r + 1] *= factor;
      }
    }
#pragma unroll
    for (unsigned j = 0; j < 2; ++j) {
#pragma unroll
      for (unsigned e = 0; e < 4; ++e) {
        scores[j][e] = exp2f(scores[j][e] - highest[e / 2]);
        sum[e / 2] += scores[j][e];
      }
    }
    const unsigned a[4] = {
        pack_halves(scores[0][0], scores[0][1]), pack_halves(scores[0][2], scores[0][3]),
        pack_halves(scores[1][0], scores[1][1]), pack_halves(scores[1][2], scores[1][3])};
#pragma unroll
    for (unsigned j = 0; j < width / 16; ++j) {
      unsigned b[4];
      load_matrices_transposed(
          b, values + tile_place<width>(16 * warp + lane % 16, 2 * j + lane / 16));
      multiply_add(out[2 * j], a, b[0], b[1]);
      multiply_add(out[2 * j + 1], a, b[2], b[3]);
    }
    __syncthreads();  // all have read it
    fetch(page + L::kStages);
  }
  wait_async<0>();
  __syncthreads();
  auto* const joined = reinterpret_cast<float*>(tiles);
#pragma unroll
  for (unsigned r = 0; r < 2; ++r) {
    sum[r] += __shfl_xor_sync(0xFFFFFFFFu, sum[r], 1);
    sum[r] += __shfl_xor_sync(0xFFFFFFFFu, sum[r], 2);
    float* to = joined + (warp * kHeads + lane / 4 + 8 * r) * (width + 2);
#pragma unroll
    for (unsigned i = 0; i < width / 8; ++i) {
      to[8 * i + lane % 4 * 2] = out[i][2 * r];
      to[8 * i + lane % 4 * 2 + 1] = out[i][2 * r + 1];
    }
    if (lane % 4 == 0) {
      to[width] = highest[r];
      to[width + 1] = sum[r];
    }
  }
  __syncthreads();
  join_splits<kThreads, kHeads, width>(job, range, joined, blockIdx.x, active);
}

template <int width, bool deep>
void launch_as(const Stage& stage, const Attend& job, const TurnAndAppend& turn) {
  constexpr std::size_t kShared = Layout<width, deep>::kBytes;
  static const cudaError_t raised = cudaFuncSetAttribute(
      attend_by_page<width, deep>, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared);
  check(raised, "asking for shared memory");
  launch(stage, attend_by_page<width, deep>, dim3(job.splits, job.kv.kv_heads, job.n), kThreads,
         kShared, job, turn);
}

template <int width>
void launch_width(const Stage& stage, const Attend& job, const TurnAndAppend& turn) {
  Attend in_one_wave = job;
  if (!job.deep) {  // a block has four pages: all there are
    in_one_wave.splits = 1;
    return launch_as<width, false>(stage, in_one_wave, turn);
  }
  const unsigned room = 2 * stage.multiprocessors / (job.n * job.kv.kv_heads);
  in_one_wave.splits = std::clamp(room, 1U, job.splits);
  launch_as<width, true>(stage, in_one_wave, turn);
}

}  // namespace

bool attends_by_page(const Stage& stage, const Attend& job) {
  return pages_are_tiles(job.kv) && job.heads / job.kv.kv_heads <= kHeads &&
         (job.kv.key.padded < 256 || Layout<256, false>::kBytes <= stage.shared_limit);
}

void launch_attend_by_page(const Stage& stage, const Attend& job, const TurnAndAppend* turn) {
  const TurnAndAppend none{};
  const TurnAndAppend& asked = turn != nullptr ? *turn : none;
  switch (job.kv.key.padded) {
    case 64:
      return launch_width<64>(stage, job, asked);
    case 128:
      return launch_width<128>(stage, job, asked);
    default:
      return launch_width<256>(stage, job, asked);
  }
}

}  // namespace ceiling::cuda
