// AVX-512 with BF16: prompts through BF16 weights, activations rounded to bf16, sums in float32.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/lanes.h"
#include "device/cpu/kernels/float_plan.h"

namespace ceiling::cpu {
namespace {

inline __m512 dot_pairs(__m512 sum, __m512i w, __m512i x) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
}
inline Lanes32::Floats dot_pairs(const Lanes32::Floats& sum, __m512i w, const Lanes32::Ints& x) {
  return {dot_pairs(sum.a, w, x.a), dot_pairs(sum.b, w, x.b)};
}

struct InBFloat16 {
  using Wide = Lanes32;
  using Narrow = Lanes16;
  static constexpr int kRows = 12;
  static constexpr std::size_t kPerStep = 2;

  static void unpack(Address w, std::size_t column, std::size_t columns, std::uint32_t* out) {
    w += 2 * column;
    for (std::size_t c = 0; c < columns; c += 32) {
      const std::size_t count = smaller(columns - c, 32);
      const auto lanes = static_cast<__mmask32>(count < 32 ? (1u << count) - 1 : ~0u);
      _mm512_store_si512(out + c / 2, _mm512_maskz_loadu_epi16(lanes, w + 2 * c));
    }
  }

  template <typename Lanes>
  static typename Lanes::Floats multiply_add(const std::uint32_t& w, const typename Lanes::Ints& x,
                                             const typename Lanes::Floats& sum) {
    return dot_pairs(sum, _mm512_set1_epi32(static_cast<std::int32_t>(w)), x);
  }
};

}  // namespace

std::size_t prompt_bf16_workspace_avx512(std::size_t n) {
  return prompt_workspace<FloatPlan<InBFloat16>>(n);
}

void multiply_prompt_bf16_avx512(const Product& product) {
  PromptProduct<FloatPlan<InBFloat16>>(product).run();
}

// Round to nearest even; pairs are padded with zero.
void prepare_bf16_avx512(const float* x, std::size_t cols, std::byte* prepared) {
  for (std::size_t c = 0; c < cols; c += 16) {
    const std::size_t count = smaller(cols - c, 16);
    const auto lanes = static_cast<__mmask16>((1u << count) - 1);
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes, x + c));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(prepared + 2 * c),
                        reinterpret_cast<__m256i>(rounded));
  }
}

}  // namespace ceiling::cpu
