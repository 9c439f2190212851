// NEON with dot product: prompts through weights of all types. Half-precision weights widen
// exactly.
#include "device/cpu/kernels/neon/entries.h"
#include "device/cpu/kernels/neon/floats.h"
#include "device/cpu/kernels/neon/tile.h"
//
#include "device/cpu/kernels/prompt_float_types.h"
#include "device/cpu/kernels/prompt_types.h"

namespace ceiling::cpu {
namespace {

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

}  // namespace

std::size_t prompt_workspace_neon(TensorType type, std::size_t n) {
  return quantised_prompt_workspace<Tile>(type, n);
}
void multiply_prompt_neon(const Product& product) { multiply_quantised_prompt<Tile>(product); }

std::size_t prompt_float_workspace_neon(std::size_t n) {
  return float_prompt_workspace<InFloat32>(n);
}
void multiply_prompt_float_neon(const Product& product) {
  multiply_float_prompt<InFloat32>(product);
}

}  // namespace ceiling::cpu
