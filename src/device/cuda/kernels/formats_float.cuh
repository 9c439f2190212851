// The types that are floating-point numbers: 16 bytes a load.
#pragma once

#include "device/cuda/kernels/format.cuh"

namespace ceiling::cuda {

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

}  // namespace ceiling::cuda
