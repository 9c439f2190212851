// A page of keys or values in shared memory for the tensor cores.
#pragma once

#include "device/cuda/kernels/jobs.h"
#include "device/cuda/kernels/tensor_core.cuh"

namespace ceiling::cuda {

constexpr unsigned kTilePositions = 64;  // of a page

// Where the 16 bytes `chunk` of a row lie in a tile of `width` columns: swizzled against conflicts.
template <int width>
__device__ unsigned tile_place(unsigned row, unsigned chunk) {
  return row * width + 8 * (chunk ^ (row % 8));
}

template <int width, unsigned threads>
__device__ void fetch_page(const std::uint8_t* page, const KvPlane& plane, std::uint32_t kv_head,
                           __half* to) {
  const auto* from = reinterpret_cast<const __half*>(page + plane.offset) +
                     std::uint64_t{kv_head} * kTilePositions * width;
#pragma unroll
  for (unsigned i = 0; i < kTilePositions * width / 8 / threads; ++i) {
    const unsigned chunk = i * threads + threadIdx.x;
    copy_async_16(to + tile_place<width>(chunk / (width / 8), chunk % (width / 8)),
                  from + 8 * chunk, true);
  }
}

__device__ inline unsigned pack_halves(float a, float b) {
  const __half2 pair = __floats2half2_rn(a, b);
  return *reinterpret_cast<const unsigned*>(&pair);
}

// Whether keys and values of a layer lie as these kernels read them.
inline bool pages_are_tiles(const KvLayer& kv) {
  const std::uint32_t width = kv.key.padded;
  return kv.type == KvType::f16 && kv.page_positions == kTilePositions &&
         kv.value.padded == width && kv.key.width % 4 == 0 && kv.value.width % 2 == 0 &&
         (width == 64 || width == 128 || width == 256);
}

}  // namespace ceiling::cuda
