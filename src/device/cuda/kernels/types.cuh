// Calling a template by a tensor type, and a chunk or 16 bytes of any type as floats.
#pragma once

#include "device/cuda/kernels/formats.cuh"

namespace ceiling::cuda {

// call.template operator()<type>() for the type.
template <typename Call>
void with_type(TensorType type, Call call) {
  using enum TensorType;
  switch (type) {
    case F32:
      return call.template operator()<F32>();
    case F16:
      return call.template operator()<F16>();
    case Q4_0:
      return call.template operator()<Q4_0>();
    case Q4_1:
      return call.template operator()<Q4_1>();
    case Q5_0:
      return call.template operator()<Q5_0>();
    case Q5_1:
      return call.template operator()<Q5_1>();
    case Q8_0:
      return call.template operator()<Q8_0>();
    case Q2_K:
      return call.template operator()<Q2_K>();
    case Q3_K:
      return call.template operator()<Q3_K>();
    case Q4_K:
      return call.template operator()<Q4_K>();
    case Q5_K:
      return call.template operator()<Q5_K>();
    case Q6_K:
      return call.template operator()<Q6_K>();
    case IQ4_NL:
      return call.template operator()<IQ4_NL>();
    case IQ4_XS:
      return call.template operator()<IQ4_XS>();
    case BF16:
      return call.template operator()<BF16>();
  }
}

template <TensorType type>
__host__ __device__ constexpr std::uint32_t part_elements() {
  if constexpr (is_float(type)) return FloatFormat<type>::kElements;
  return 32;
}

// Part `part` of a row (part_elements weights), four at a time: visit(column, float4).
template <TensorType type, typename Visit>
__device__ void each_weight(const Stored& m, std::uint64_t row, std::uint32_t part, Visit visit) {
  if constexpr (is_float(type)) {
    using F = FloatFormat<type>;
    const uint4 raw =
        load16(m.data + (row * m.cols + std::uint64_t{part} * F::kElements) * F::kBytes);
    float w[F::kElements];
    F::unpack(raw, w);
#pragma unroll
    for (int i = 0; i < F::kElements; i += 4) {
      visit(part * F::kElements + i, float4{w[i], w[i + 1], w[i + 2], w[i + 3]});
    }
  } else {
    using F = Format<type>;
    Chunk chunk;
    F::unpack(F::load(m, row, part), part, chunk);
    const Columns at = F::columns(part);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int half = i / 4;
      const float scale = chunk.scale[half];
      const float minus = chunk.minus[half];
      const auto weight = [&](int byte) {
        return scale * static_cast<float>(static_cast<signed char>(chunk.q[i] >> (8 * byte))) -
               minus;
      };
      visit((half == 0 ? at.first : at.second) + 4 * (i % 4),
            float4{weight(0), weight(1), weight(2), weight(3)});
    }
  }
}

}  // namespace ceiling::cuda
