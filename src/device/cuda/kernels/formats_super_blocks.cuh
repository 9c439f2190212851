// Types whose blocks are 256 weights.
#pragma once

#include "device/cuda/kernels/formats_small_blocks.cuh"

namespace ceiling::cuda {

template <>
struct Format<TensorType::IQ4_XS> : SmallBlocks {
  struct Raw {
    uint4 q;
    uint2 header;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 256) + chunk / 8) * 136;
    const std::uint8_t* q = block + 8 + 16 * (chunk % 8);
    const uint2 a = load8(q);
    const uint2 b = load8(q + 8);
    return {{a.x, a.y, b.x, b.y}, load8(block)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t chunk, Chunk& out) {
    iq4_levels(raw.q.x, out.q[0], out.q[4]);
    iq4_levels(raw.q.y, out.q[1], out.q[5]);
    iq4_levels(raw.q.z, out.q[2], out.q[6]);
    iq4_levels(raw.q.w, out.q[3], out.q[7]);
    const std::uint32_t group = chunk % 8;
    const std::uint32_t low = (raw.header.y >> (4 * group)) & 15u;
    const std::uint32_t high = (raw.header.x >> (16 + 2 * group)) & 3u;
    const int scale = static_cast<int>(low | (high << 4)) - 32;
    out.scale[0] = out.scale[1] = half_bits(raw.header.x & 0xFFFFu) * static_cast<float>(scale);
    out.minus[0] = out.minus[1] = 0;
  }
};

// Sixteen bytes of nibbles hold 16 weights of group 2p and 16 of group 2p + 1.
struct NibblePairs {
  __device__ static Columns columns(std::uint32_t chunk) {
    const std::uint32_t first = 64 * (chunk / 2) + 16 * (chunk % 2);
    return {first, first + 32};
  }
  // header: d and dmin, then the twelve bytes of 6-bit scales and minimums (unpack_scales).
  __device__ static void scales(const uint4& header, std::uint32_t chunk, Chunk& out) {
    const std::uint32_t pair = chunk / 2 % 4;
    const std::uint32_t shift = 16 * (pair & 1);
    const std::uint32_t a = header.y >> shift;
    const std::uint32_t b = header.z >> shift;
    const std::uint32_t c = header.w >> shift;
    const bool early = pair < 2;
    const std::uint32_t scale = early ? a & 0x3F3Fu : (c & 0x0F0Fu) | ((a >> 2) & 0x3030u);
    const std::uint32_t minimum = early ? b & 0x3F3Fu : ((c >> 4) & 0x0F0Fu) | ((b >> 2) & 0x3030u);
    const float d = half_bits(header.x & 0xFFFFu);
    const float dmin = half_bits(header.x >> 16);
    out.scale[0] = d * static_cast<float>(scale & 0xFFu);
    out.scale[1] = d * static_cast<float>((scale >> 8) & 0xFFu);
    out.minus[0] = dmin * static_cast<float>(minimum & 0xFFu);
    out.minus[1] = dmin * static_cast<float>((minimum >> 8) & 0xFFu);
  }
};

template <>
struct Format<TensorType::Q4_K> : NibblePairs {
  struct Raw {
    uint4 q, header;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 256) + chunk / 8) * 144;
    return {load16(block + 16 + 16 * (chunk % 8)), load16(block)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t chunk, Chunk& out) {
    low_and_high_nibbles(raw.q, out);
    scales(raw.header, chunk, out);
  }
};

template <>
struct Format<TensorType::Q5_K> : NibblePairs {
  struct Raw {
    uint4 q, header, high;
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 256) + chunk / 8) * 176;
    return {load16(block + 48 + 16 * (chunk % 8)), load16(block),
            load16(block + 16 + 16 * (chunk % 2))};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t chunk, Chunk& out) {
    low_and_high_nibbles(raw.q, out);
    scales(raw.header, chunk, out);
    const std::uint32_t group = 2 * (chunk / 2 % 4);
    const std::uint32_t high[4] = {raw.high.x, raw.high.y, raw.high.z, raw.high.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t bits = high[i] >> group;
      out.q[i] |= static_cast<int>((bits & 0x01010101u) << 4);
      out.q[4 + i] |= static_cast<int>((bits & 0x02020202u) << 3);
    }
  }
};

// Planes of a row of n blocks: low nibbles [128 n], high bits [64 n] and scales [16 n] in the order
// of chunks, d [n].
template <>
struct Format<TensorType::Q6_K> {
  struct Raw {
    uint4 q;
    uint2 high;
    std::uint32_t scales, d;
  };
  __device__ static Columns columns(std::uint32_t chunk) {
    const std::uint32_t first = 128 * (chunk / 4) + 32 * (chunk / 2 % 2) + 16 * (chunk % 2);
    return {first, first + 64};
  }
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint64_t blocks = m.all_rows * (m.cols / 256);
    const std::uint64_t chunks = row * (m.cols / 32) + chunk;
    return {load16(m.data + 16 * chunks), load8(m.data + 128 * blocks + 8 * chunks),
            load2(m.data + 192 * blocks + 2 * chunks),
            load2(m.data + 208 * blocks + 2 * (chunks / 8))};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t, Chunk& out) {
    low_and_high_nibbles(raw.q, out);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      out.q[i] |= static_cast<int>(((raw.high.x >> (2 * i)) & 0x03030303u) << 4);
      out.q[4 + i] |= static_cast<int>(((raw.high.y >> (2 * i)) & 0x03030303u) << 4);
    }
    const float d = half_bits(raw.d);
    out.scale[0] = d * static_cast<float>(static_cast<std::int8_t>(raw.scales & 0xFFu));
    out.scale[1] = d * static_cast<float>(static_cast<std::int8_t>(raw.scales >> 8));
    out.minus[0] = 32 * out.scale[0];
    out.minus[1] = 32 * out.scale[1];
  }
};

// Two of the four pairs of bits in each of 16 bytes.
struct BitPairs {
  __device__ static Columns columns(std::uint32_t chunk) {
    const std::uint32_t first = 128 * (chunk / 4) + 64 * (chunk / 2 % 2) + 16 * (chunk % 2);
    return {first, first + 32};
  }
  __device__ static std::uint32_t first_byte(std::uint32_t chunk) {
    return 32 * (chunk / 4 % 2) + 16 * (chunk % 2);
  }
  __device__ static void bits(const uint4& v, std::uint32_t chunk, Chunk& out) {
    const std::uint32_t shift = 4 * (chunk / 2 % 2);
    const std::uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      out.q[i] = static_cast<int>((words[i] >> shift) & 0x03030303u);
      out.q[4 + i] = static_cast<int>((words[i] >> (shift + 2)) & 0x03030303u);
    }
  }
};

template <>
struct Format<TensorType::Q2_K> : BitPairs {
  struct Raw {
    uint4 q;
    std::uint32_t first, second, d;  // first, second: scale and minimum of each run
  };
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 256) + chunk / 8) * 84;
    const std::uint32_t group = columns(chunk).first / 16 % 16;
    return {load16_words(block + 16 + first_byte(chunk)), __ldg(block + group),
            __ldg(block + group + 2), load4(block + 80)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t chunk, Chunk& out) {
    bits(raw.q, chunk, out);
    const float d = half_bits(raw.d & 0xFFFFu);
    const float dmin = half_bits(raw.d >> 16);
    out.scale[0] = d * static_cast<float>(raw.first & 15u);
    out.scale[1] = d * static_cast<float>(raw.second & 15u);
    out.minus[0] = dmin * static_cast<float>(raw.first >> 4);
    out.minus[1] = dmin * static_cast<float>(raw.second >> 4);
  }
};

template <>
struct Format<TensorType::Q3_K> : BitPairs {
  struct Raw {
    uint4 q, high;
    std::uint32_t first, second, d;  // first, second: the 6-bit scale of each run
  };
  __device__ static std::uint32_t scale(const std::uint8_t* scales, std::uint32_t group) {
    const std::uint32_t low = (__ldg(scales + group % 8) >> (4 * (group / 8))) & 15u;
    const std::uint32_t high = (__ldg(scales + 8 + group % 4) >> (2 * (group / 4))) & 3u;
    return low | (high << 4);
  }
  __device__ static Raw load(const Stored& m, std::uint64_t row, std::uint32_t chunk) {
    const std::uint8_t* block = m.data + (row * (m.cols / 256) + chunk / 8) * 110;
    const std::uint32_t group = columns(chunk).first / 16 % 16;
    return {load16_even(block + 32 + first_byte(chunk)), load16_even(block + 16 * (chunk % 2)),
            scale(block + 96, group), scale(block + 96, group + 2), load2(block + 108)};
  }
  __device__ static void unpack(const Raw& raw, std::uint32_t chunk, Chunk& out) {
    bits(raw.q, chunk, out);
    const std::uint32_t bit = columns(chunk).first / 32 % 8;
    const std::uint32_t high[4] = {raw.high.x, raw.high.y, raw.high.z, raw.high.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      out.q[i] |= static_cast<int>(((high[i] >> bit) & 0x01010101u) << 2);
      out.q[4 + i] |= static_cast<int>(((high[i] >> (bit + 1)) & 0x01010101u) << 2);
    }
    const float d = half_bits(raw.d);
    out.scale[0] = d * static_cast<float>(static_cast<int>(raw.first) - 32);
    out.scale[1] = d * static_cast<float>(static_cast<int>(raw.second) - 32);
    out.minus[0] = 4 * out.scale[0];
    out.minus[1] = 4 * out.scale[1];
  }
};

}  // namespace ceiling::cuda
