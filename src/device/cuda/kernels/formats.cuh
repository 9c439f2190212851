// How a thread reads 32 weights of each quantised type: `load` brings the bits into registers (so
// that loads can be in flight long before they are used), `unpack` makes integers of them.
//
// A chunk is 32 weights of one row in two runs of 16 columns: weight = scale * q - minus in each.
// Layouts are those of quant/blocks.h; types whose blocks are not multiples of 4 bytes and that
// models use much lie in planes instead (see repack.cu).
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

// The types that are floating-point numbers: 16 bytes a load.
template <TensorType type>
struct FloatFormat;
template <>
struct FloatFormat<TensorType::F32> {
  static constexpr int kElements = 4, kBytes = 4;
  __device__ static void unpack(const uint4& v, float (&out)[4]) {
    out[0] = __uint_as_float(v.x);
    out[1] = __uint_as_float(v.y);
    out[2] = __uint_as_float(v.z);
    out[3] = __uint_as_float(v.w);
  }
};
template <>
struct FloatFormat<TensorType::F16> {
  static constexpr int kElements = 8, kBytes = 2;
  __device__ static void unpack(const uint4& v, float (&out)[8]) {
    const std::uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      __half2_raw raw;
      raw.x = static_cast<unsigned short>(words[i] & 0xFFFFu);
      raw.y = static_cast<unsigned short>(words[i] >> 16);
      const float2 pair = __half22float2(__half2(raw));
      out[2 * i] = pair.x;
      out[2 * i + 1] = pair.y;
    }
  }
};
template <>
struct FloatFormat<TensorType::BF16> {
  static constexpr int kElements = 8, kBytes = 2;
  __device__ static void unpack(const uint4& v, float (&out)[8]) {
    const std::uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      out[2 * i] = __uint_as_float(words[i] << 16);
      out[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000u);
    }
  }
};

__host__ __device__ constexpr bool is_float(TensorType type) {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

}  // namespace ceiling::cuda
