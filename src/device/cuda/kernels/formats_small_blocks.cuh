// Types whose blocks are 32 weights.
#pragma once

#include "device/cuda/kernels/format.cuh"

namespace ceiling::cuda {

// Blocks of 32: the low nibbles are the first run.
struct SmallBlocks {
  __device__ static Columns columns(std::uint32_t chunk) { return {32 * chunk, 32 * chunk + 16}; }
};

template <>
struct Format<TensorType::Q4_0> : SmallBlocks {
  struct Raw {
    uint4 q;
    std::uint32_t d;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 32) + chunk) * 18;
    return {load16_even(block + 2), load2(block)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t, Chunk& out) {
    low_and_high_nibbles(raw.q, out);
    out.scale[0] = out.scale[1] = half_bits(raw.d);
    out.minus[0] = out.minus[1] = 8 * out.scale[0];
  }
};

template <>
struct Format<TensorType::Q4_1> : SmallBlocks {
  struct Raw {
    uint4 q;
    std::uint32_t dm;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 32) + chunk) * 20;
    return {load16_words(block + 4), load4(block)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t, Chunk& out) {
    low_and_high_nibbles(raw.q, out);
    out.scale[0] = out.scale[1] = half_bits(raw.dm & 0xFFFFu);
    out.minus[0] = out.minus[1] = -half_bits(raw.dm >> 16);
  }
};

template <>
struct Format<TensorType::Q5_0> : SmallBlocks {
  struct Raw {
    uint4 q;
    std::uint32_t high, d;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 32) + chunk) * 22;
    return {load16_even(block + 6), load4_even(block + 2), load2(block)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t, Chunk& out) {
    low_and_high_nibbles(raw.q, out);
    add_fifth_bits(raw.high, out);
    out.scale[0] = out.scale[1] = half_bits(raw.d);
    out.minus[0] = out.minus[1] = 16 * out.scale[0];
  }
};

template <>
struct Format<TensorType::Q5_1> : SmallBlocks {
  struct Raw {
    uint4 q;
    std::uint32_t high, dm;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 32) + chunk) * 24;
    return {load16_words(block + 8), load4(block + 4), load4(block)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t, Chunk& out) {
    low_and_high_nibbles(raw.q, out);
    add_fifth_bits(raw.high, out);
    out.scale[0] = out.scale[1] = half_bits(raw.dm & 0xFFFFu);
    out.minus[0] = out.minus[1] = -half_bits(raw.dm >> 16);
  }
};

// Planes: the integers [row, cols], then the scales [row, cols / 32].
template <>
struct Format<TensorType::Q8_0> : SmallBlocks {
  struct Raw {
    uint4 first, second;
    std::uint32_t d;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* q = m.data + row * m.cols + 32 * chunk;
    const std::uint8_t* d = m.data + m.all_rows * m.cols + (row * (m.cols / 32) + chunk) * 2;
    return {load16(q), load16(q + 16), load2(d)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t, Chunk& out) {
    const std::uint32_t words[8] = {raw.first.x,  raw.first.y,  raw.first.z,  raw.first.w,
                                    raw.second.x, raw.second.y, raw.second.z, raw.second.w};
#pragma unroll
    for (int i = 0; i < 8; ++i) out.q[i] = static_cast<int>(words[i]);
    out.scale[0] = out.scale[1] = half_bits(raw.d);
    out.minus[0] = out.minus[1] = 0;
  }
};

template <>
struct Format<TensorType::IQ4_NL> : SmallBlocks {
  struct Raw {
    uint4 q;
    std::uint32_t d;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 32) + chunk) * 18;
    return {load16_even(block + 2), load2(block)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t, Chunk& out) {
    iq4_levels(raw.q.x, out.q[0], out.q[4]);
    iq4_levels(raw.q.y, out.q[1], out.q[5]);
    iq4_levels(raw.q.z, out.q[2], out.q[6]);
    iq4_levels(raw.q.w, out.q[3], out.q[7]);
    out.scale[0] = out.scale[1] = half_bits(raw.d);
    out.minus[0] = out.minus[1] = 0;
  }
};

}  // namespace ceiling::cuda
