// AVX-512: prompts through F32, F16 and BF16 weights in float32. Half-precision weights widen
// exactly.
#include <bit>

#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/floats.h"
#include "device/cpu/kernels/avx512/lanes.h"
//
#include "device/cpu/kernels/prompt_float_types.h"

namespace ceiling::cpu {
namespace {

template <typename Stored>
struct InFloat32 {
  using Wide = Lanes32;
  using Narrow = Lanes16;
  static constexpr int kRows = 12;
  static constexpr std::size_t kPerStep = 1;

  static void unpack(Address w, std::size_t column, std::size_t columns, std::uint32_t* out) {
    w += column * Stored::kBytes;
    for (std::size_t c = 0; c < columns; c += 16) {
      const std::size_t count = smaller(columns - c, 16);
      _mm512_store_ps(out + c, Stored::load_some(w + c * Stored::kBytes, count));
    }
  }

  template <typename Lanes>
  static typename Lanes::Floats multiply_add(const std::uint32_t& w, const typename Lanes::Ints& x,
                                             const typename Lanes::Floats& sum) {
    const __m512 weight = _mm512_set1_ps(std::bit_cast<float>(w));
    return Lanes::multiply_add(weight, Lanes::as_floats(x), sum);
  }
};

}  // namespace

std::size_t prompt_float_workspace_avx512(std::size_t n) {
  return float_prompt_workspace<InFloat32>(n);
}

void multiply_prompt_float_avx512(const Product& product) {
  multiply_float_prompt<InFloat32>(product);
}

}  // namespace ceiling::cpu
