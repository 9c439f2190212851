// AVX2: prompts through F32, F16 and BF16 weights in float32. Half-precision weights widen exactly.
#include "device/cpu/kernels/avx2/entries.h"
#include "device/cpu/kernels/avx2/floats.h"
#include "device/cpu/kernels/avx2/lanes.h"
//
#include "device/cpu/kernels/prompt_float_types.h"

namespace ceiling::cpu {
namespace {

template <typename Stored>
struct InFloat32 {
  using Wide = Lanes16;
  using Narrow = Lanes8;
  static constexpr int kRows = 6;
  static constexpr std::size_t kPerStep = 1;

  static void unpack(Address w, std::size_t column, std::size_t columns, std::uint32_t* out) {
    w += column * Stored::kBytes;
    auto* floats = reinterpret_cast<float*>(out);
    std::size_t c = 0;
    for (; c + 8 <= columns; c += 8) {
      _mm256_store_ps(floats + c, Stored::load(w + c * Stored::kBytes));
    }
    if (c < columns) {
      _mm256_store_ps(floats + c, Stored::load_some(w + c * Stored::kBytes, columns - c));
    }
  }

  template <typename Lanes>
  static typename Lanes::Floats multiply_add(const std::uint32_t& w, const typename Lanes::Ints& x,
                                             const typename Lanes::Floats& sum) {
    const __m256 weight = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<std::int32_t>(w)));
    return Lanes::multiply_add(Lanes::as_floats(x), weight, sum);
  }
};

}  // namespace

std::size_t prompt_float_workspace_avx2(std::size_t n) {
  return float_prompt_workspace<InFloat32>(n);
}

void multiply_prompt_float_avx2(const Product& product) {
  multiply_float_prompt<InFloat32>(product);
}

}  // namespace ceiling::cpu
