#include "quant/quantise.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "quant/encoders.h"
#include "quant/half.h"

namespace ceiling {
namespace {

std::uint16_t finite_half(float value) {
  return float_to_half(std::clamp(value, -65504.0f, 65504.0f));
}

std::uint16_t finite_bfloat(float value) {
  constexpr float kLargest = 0x1.fep127f;
  return float_to_bfloat(std::clamp(value, -kLargest, kLargest));
}

template <std::uint16_t (*convert)(float)>
void encode_sixteen(const float* in, std::byte* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint16_t bits = convert(in[i]);
    std::memcpy(out + 2 * i, &bits, sizeof bits);
  }
}

}  // namespace

void quantise_row(TensorType type, const float* in, std::byte* out, std::size_t n,
                  const float* importance) {
  assert(n % info(type).block_elements == 0);
  static const quantising::EncodeRow encode = quantising::encoder(active_isa());
  switch (type) {
    case TensorType::F32:
      std::memcpy(out, in, n * sizeof(float));
      return;
    case TensorType::F16:
      return encode_sixteen<finite_half>(in, out, n);
    case TensorType::BF16:
      return encode_sixteen<finite_bfloat>(in, out, n);
    default:
      return encode(type, in, importance, n, out);
  }
}

}  // namespace ceiling
