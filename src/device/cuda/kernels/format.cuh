// How a thread reads 32 weights of each quantised type: `load` brings the bits into registers (so
// that loads can be in flight long before they are used), `unpack` makes integers of them.
//
// A chunk is 32 weights of one row in two runs of 16 columns: weight = scale * q - minus in each.
// Layouts are those of quant/blocks.h; types whose blocks are not multiples of 4 bytes and that
// models use much lie in planes instead (see weights.cu).
#pragma once

#include <cuda_fp16.h>

#include <cstdint>

#include "quant/tensor_type.h"

namespace ceiling::cuda {

struct Chunk {
  int q[8];  // four int8 each: the first run, then the second
  float scale[2], minus[2];
};
struct Columns {
  std::uint32_t first, second;  // where the two runs begin
};

// A matrix as a kernel reads it; `all_rows`: of all groups, for the planes.
struct Stored {
  const std::uint8_t* data;
  std::uint64_t all_rows;
  std::uint32_t cols;
};

__device__ inline uint4 load16(const std::uint8_t* at) {
  return __ldg(reinterpret_cast<const uint4*>(at));
}
__device__ inline uint2 load8(const std::uint8_t* at) {
  return __ldg(reinterpret_cast<const uint2*>(at));
}
__device__ inline std::uint32_t load4(const std::uint8_t* at) {
  return __ldg(reinterpret_cast<const std::uint32_t*>(at));
}
__device__ inline std::uint32_t load2(const std::uint8_t* at) {
  return __ldg(reinterpret_cast<const std::uint16_t*>(at));
}
__device__ inline std::uint32_t load4_even(const std::uint8_t* at) {  // aligned at 2 bytes
  return load2(at) | (load2(at + 2) << 16);
}
__device__ inline uint4 load16_words(const std::uint8_t* at) {
  return {load4(at), load4(at + 4), load4(at + 8), load4(at + 12)};
}
__device__ inline uint4 load16_even(const std::uint8_t* at) {
  return {load4_even(at), load4_even(at + 4), load4_even(at + 8), load4_even(at + 12)};
}
__device__ inline float half_bits(std::uint32_t bits) {
  return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
}

__device__ inline void low_and_high_nibbles(const uint4& v, Chunk& out) {
  const std::uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    out.q[i] = static_cast<int>(words[i] & 0x0F0F0F0Fu);
    out.q[4 + i] = static_cast<int>((words[i] >> 4) & 0x0F0F0F0Fu);
  }
}
// Bit `bit` of each of 32 weights in `bits` becomes bit 4 of its integer.
__device__ inline void add_fifth_bits(std::uint32_t bits, Chunk& out) {
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t four = bits >> (4 * i);
    const std::uint32_t spread =
        (four & 1u) | ((four & 2u) << 7) | ((four & 4u) << 14) | ((four & 8u) << 21);
    out.q[i] |= static_cast<int>(spread << 4);
  }
}
// The levels of the IQ4 types (quant/blocks.h), looked up eight nibbles at a time.
__device__ inline void iq4_levels(std::uint32_t nibbles, int& low, int& high) {
  constexpr std::uint32_t kLevels[4] = {0xBFAD9881u, 0xF6EADDCFu, 0x26190D01u, 0x71594535u};
  std::uint32_t values[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const std::uint32_t select = nibbles >> (16 * i);
    const std::uint32_t below = __byte_perm(kLevels[0], kLevels[1], select & 0x7777u);
    const std::uint32_t above = __byte_perm(kLevels[2], kLevels[3], select & 0x7777u);
    values[i] = __byte_perm(below, above, 0x3210u | ((select & 0x8888u) >> 1));
  }
  low = static_cast<int>(__byte_perm(values[0], values[1], 0x6420u));
  high = static_cast<int>(__byte_perm(values[0], values[1], 0x7531u));
}

template <TensorType type>
struct Format;

__host__ __device__ constexpr bool is_float(TensorType type) {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

}  // namespace ceiling::cuda
