// AVX-512: prompts through F32, F16 and BF16 weights in float32. Half-precision weights widen
// exactly.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/floats.h"
#include "device/cpu/kernels/avx512/lanes.h"
#include "device/cpu/kernels/float_plan.h"

namespace ceiling::cpu {
namespace {

template <typename Stored>
struct InFloat32 {
  using Wide = Lanes16;
  using Narrow = Lanes8;
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
  static typename Lanes::Floats multiply_add(const std::uint32_t& w, typename Lanes::Ints x,
                                             typename Lanes::Floats sum) {
    const auto weight = Lanes::broadcast(static_cast<std::int32_t>(w));
    return Lanes::multiply_add(Lanes::as_floats(weight), Lanes::as_floats(x), sum);
  }
};

template <typename Action>
auto with_plan(TensorType type, Action&& action) {
  switch (type) {
    case TensorType::F16:
      return action(FloatPlan<InFloat32<StoredF16>>{});
    case TensorType::BF16:
      return action(FloatPlan<InFloat32<StoredBF16>>{});
    default:
      return action(FloatPlan<InFloat32<StoredF32>>{});
  }
}

}  // namespace

std::size_t prompt_float_workspace_avx512(std::size_t n) {
  return prompt_workspace<FloatPlan<InFloat32<StoredF32>>>(n);
}

void multiply_prompt_float_avx512(const Product& product) {
  with_plan(product.type, [&](auto plan) { PromptProduct<decltype(plan)>(product).run(); });
}

}  // namespace ceiling::cpu
