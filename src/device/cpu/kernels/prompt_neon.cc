// NEON with dot product: prompts through weights of all types. Half-precision weights widen
// exactly.
#include "device/cpu/kernels/float_plan.h"
#include "device/cpu/kernels/neon/entries.h"
#include "device/cpu/kernels/neon/floats.h"
#include "device/cpu/kernels/neon/tile.h"
#include "device/cpu/kernels/quantised_plan.h"

namespace ceiling::cpu {
namespace {

template <typename Unpacker>
using Plan = QuantisedPlan<Unpacker, Tile<Unpacker>>;

template <typename Stored>
struct InFloat32 {
  using Wide = Lanes8;
  using Narrow = Lanes8;
  static constexpr int kRows = 8;
  static constexpr std::size_t kPerStep = 1;

  static void unpack(Address w, std::size_t column, std::size_t columns, std::uint32_t* out) {
    w += column * Stored::kBytes;
    for (std::size_t c = 0; c < columns; c += 4) {
      const float32x4_t weights =
          Stored::load_some(w + c * Stored::kBytes, smaller(columns - c, 4));
      vst1q_u32(out + c, vreinterpretq_u32_f32(weights));
    }
  }

  template <typename Lanes>
  static typename Lanes::Floats multiply_add(const std::uint32_t& w, const typename Lanes::Ints& x,
                                             const typename Lanes::Floats& sum) {
    return Lanes::multiply_add(Lanes::as_floats(x), std::bit_cast<float>(w), sum);
  }
};

// Calls action(Plan) for a quantised type.
template <typename Action>
auto with_plan(TensorType type, Action&& action) {
  using enum TensorType;
  switch (type) {
    case Q4_0:
      return action(Plan<SmallUnpacker<SmallQ4_0>>{});
    case Q4_1:
      return action(Plan<SmallUnpacker<SmallQ4_1>>{});
    case Q5_0:
      return action(Plan<SmallUnpacker<SmallQ5_0>>{});
    case Q5_1:
      return action(Plan<SmallUnpacker<SmallQ5_1>>{});
    case IQ4_NL:
      return action(Plan<SmallUnpacker<SmallIQ4_NL>>{});
    case IQ4_XS:
      return action(Plan<UnpackerIQ4_XS>{});
    case Q4_K:
      return action(Plan<SuperUnpacker<SuperQ4_K>>{});
    case Q5_K:
      return action(Plan<SuperUnpacker<SuperQ5_K>>{});
    case Q2_K:
      return action(Plan<SuperUnpacker<SuperQ2_K>>{});
    case Q3_K:
      return action(Plan<SuperUnpacker<SuperQ3_K>>{});
    case Q6_K:
      return action(Plan<SuperUnpacker<SuperQ6_K>>{});
    default:
      return action(Plan<SmallUnpacker<SmallQ8_0>>{});
  }
}

template <typename Action>
auto with_float_plan(TensorType type, Action&& action) {
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

std::size_t prompt_workspace_neon(TensorType type, std::size_t n) {
  return with_plan(type, [n](auto plan) { return prompt_workspace<decltype(plan)>(n); });
}
void multiply_prompt_neon(const Product& product) {
  with_plan(product.type, [&](auto plan) { PromptProduct<decltype(plan)>(product).run(); });
}

std::size_t prompt_float_workspace_neon(std::size_t n) {
  return prompt_workspace<FloatPlan<InFloat32<StoredF32>>>(n);
}
void multiply_prompt_float_neon(const Product& product) {
  with_float_plan(product.type, [&](auto plan) { PromptProduct<decltype(plan)>(product).run(); });
}

}  // namespace ceiling::cpu
