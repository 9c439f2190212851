// AVX-512 with VNNI for many rows of activations. Each thread unpacks a panel of weights at a time
// into its workspace and multiplies it by all activations, so that a weight is unpacked once.
#include <type_traits>

#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/panel.h"
#include "device/cpu/kernels/avx512/unpack_panel.h"

namespace ceiling::cpu {
namespace {

// Calls action(std::integral_constant<int, n>) for n in 1..kTileRows.
template <typename Action>
void with_constant(std::size_t n, Action&& action) {
  switch (n) {
    case 1:
      return action(std::integral_constant<int, 1>{});
    case 2:
      return action(std::integral_constant<int, 2>{});
    case 3:
      return action(std::integral_constant<int, 3>{});
    case 4:
      return action(std::integral_constant<int, 4>{});
    case 5:
      return action(std::integral_constant<int, 5>{});
    default:
      return action(std::integral_constant<int, static_cast<int>(kTileRows)>{});
  }
}

constexpr int log2_of(int value) { return value <= 1 ? 0 : 1 + log2_of(value / 2); }

template <typename Panel>
class PanelProduct {
 public:
  explicit PanelProduct(const Product& product)
      : p_(product), panel_(reinterpret_cast<Block*>(product.workspace)) {}

  void run() const {
    constexpr std::size_t panel_rows = kPanelStrips * kStripRows;
    for (std::size_t row = p_.row_begin; row < p_.row_end; row += panel_rows) {
      const std::size_t left = p_.row_end - row;
      const std::size_t rows = left < panel_rows ? left : panel_rows;
      for (std::size_t column = 0; column < p_.cols; column += kPanelColumns) {
        const std::size_t rest = p_.cols - column;
        const std::size_t blocks = (rest < kPanelColumns ? rest : kPanelColumns) / kScaled;
        unpack(row, rows, column, blocks);
        multiply(row, rows, column, blocks);
      }
    }
  }

 private:
  using Block = typename Panel::Block;
  using Kind = typename Panel::Kind;

  void unpack(std::size_t row, std::size_t rows, std::size_t column, std::size_t blocks) const {
    constexpr std::size_t step = Panel::kColumns / kScaled;
    for (std::size_t strip = 0; strip * kStripRows < rows; ++strip) {
      StripRows from;
      for (std::size_t r = 0; r < kStripRows; ++r) {
        const std::size_t of = strip * kStripRows + r;
        from.row[r] = reinterpret_cast<Address>(p_.weights) +
                      (row + (of < rows ? of : rows - 1)) * p_.row_bytes;
      }
      Block* out = panel_ + strip * blocks;
      for (std::size_t b = 0; b < blocks; b += step) {
        const std::size_t offset = (column + b * kScaled) / Panel::kColumns * Panel::kBytes;
        Panel::unpack(from, offset, blocks - b < step ? blocks - b : step, out + b);
      }
    }
  }

  void multiply(std::size_t row, std::size_t rows, std::size_t column, std::size_t blocks) const {
    // Tiles of nearly equal numbers of activation rows.
    const std::size_t tiles = (p_.n + kTileRows - 1) / kTileRows;
    for (std::size_t tile = 0; tile < tiles; ++tile) {
      const std::size_t first = p_.n * tile / tiles;
      const std::size_t n = p_.n * (tile + 1) / tiles - first;
      const std::byte* x =
          p_.prepared + first * p_.prepared_pitch + column / kScaled * sizeof(RowBlock);
      with_constant(n, [&](auto count) {
        for (std::size_t strip = 0; strip * kStripRows < rows; strip += 2) {
          const TileOut out{p_.y + first * p_.y_pitch + row + strip * kStripRows, p_.y_pitch,
                            rows - strip * kStripRows, column != 0};
          multiply_tile<Kind, count.value>(panel_ + strip * blocks, blocks, x, p_.prepared_pitch,
                                           log2_of(Panel::kOffset), out);
        }
      });
    }
  }

  const Product& p_;
  Block* panel_;
};

template <typename Panel>
void run(const Product& product) {
  static_assert(kPanelColumns % Panel::kColumns == 0);
  PanelProduct<Panel>(product).run();
}

}  // namespace

void multiply_prompt_avx512(const Product& product) {
  using enum TensorType;
  switch (product.type) {
    case Q4_0:
      return run<SmallPanel<SmallQ4_0>>(product);
    case Q4_1:
      return run<SmallPanel<SmallQ4_1>>(product);
    case Q5_0:
      return run<SmallPanel<SmallQ5_0>>(product);
    case Q5_1:
      return run<SmallPanel<SmallQ5_1>>(product);
    case Q8_0:
      return run<SmallPanel<SmallQ8_0>>(product);
    case IQ4_NL:
      return run<SmallPanel<SmallIQ4_NL>>(product);
    case IQ4_XS:
      return run<PanelIQ4_XS>(product);
    case Q4_K:
      return run<PairedPanel<SuperQ4_K>>(product);
    case Q5_K:
      return run<PairedPanel<SuperQ5_K>>(product);
    case Q2_K:
      return run<HalvedPanel<SuperQ2_K>>(product);
    case Q3_K:
      return run<HalvedPanel<SuperQ3_K>>(product);
    case Q6_K:
      return run<HalvedPanel<SuperQ6_K>>(product);
    case F32:
    case F16:
    case BF16:
      return;  // prompt_float_avx512.cc
  }
}

}  // namespace ceiling::cpu
