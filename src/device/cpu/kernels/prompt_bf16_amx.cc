// AMX: prompts through BF16 weights, activations rounded to bf16, sums in float32.
//
// Here a tile's rows are activations and its lanes rows of weights, so that sums go to the results
// as they are. Both are laid out as tiles for a chunk of columns: activations once for all rows of
// weights, which come after them a panel at a time.
#include "device/cpu/kernels/amx/entries.h"
#include "device/cpu/kernels/amx/tiles.h"
#include "device/cpu/kernels/avx512/lanes.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kSide = 16;         // rows and lanes of a tile
constexpr std::size_t kStepColumns = 32;  // of bf16 in a tile's row
constexpr std::size_t kSteps = 16;        // of a chunk
constexpr std::size_t kChunkColumns = kSteps * kStepColumns;
constexpr std::size_t kPanelTiles = 2;
constexpr std::size_t kPanelRows = kPanelTiles * kSide;

struct TileBytes {
  alignas(64) std::uint8_t row[kSide][64];
};
struct EdgeSums {
  alignas(64) float row[kSide][kSide];
};
// For a chunk, what 16 rows of activations or of weights become.
using Strip = TileBytes[kSteps];

// Registers: sums of activations 0 in 0 and 1, of activations 1 in 2 and 3; activations in 4 and 5,
// weights in 6 and 7.
constexpr TileShape kShapes[8] = {{kSide, 64}, {kSide, 64}, {kSide, 64}, {kSide, 64},
                                  {kSide, 64}, {kSide, 64}, {kSide, 64}, {kSide, 64}};

constexpr std::size_t strips_of(std::size_t n) { return (n + kSide - 1) / kSide; }

// A step of a row, zero beyond the `left` columns that there are.
inline __m512i load_step(const void* from, std::size_t left) {
  const auto lanes = static_cast<__mmask32>(left < kStepColumns ? (1U << left) - 1 : ~0U);
  return _mm512_maskz_loadu_epi16(lanes, from);
}

// Results of 16 activations (rows) by 16 rows of weights (lanes).
struct Results {
  float* y;
  std::size_t pitch;
  std::size_t rows, lanes;  // those that there are

  bool whole() const { return rows >= kSide && lanes >= kSide; }
  __mmask16 mask() const {
    return static_cast<__mmask16>(lanes >= kSide ? 0xffff : (1U << lanes) - 1);
  }
  template <int tile>
  void load(EdgeSums& edge) const {
    if (whole()) return load_tile<tile>(y, pitch * sizeof(float));
    for (std::size_t r = 0; r < kSide; ++r) {
      const bool there = r < rows;
      const __m512 sums =
          there ? _mm512_maskz_loadu_ps(mask(), y + r * pitch) : _mm512_setzero_ps();
      _mm512_store_ps(edge.row[r], sums);
    }
    load_tile<tile>(edge.row, sizeof edge.row[0]);
  }
  template <int tile>
  void store(EdgeSums& edge) const {
    if (whole()) return store_tile<tile>(y, pitch * sizeof(float));
    store_tile<tile>(edge.row, sizeof edge.row[0]);
    for (std::size_t r = 0; r < smaller(rows, kSide); ++r) {
      _mm512_mask_storeu_ps(y + r * pitch, mask(), _mm512_load_ps(edge.row[r]));
    }
  }
};

class TileProduct {
 public:
  explicit TileProduct(const Product& product)
      : p_(product),
        panel_(reinterpret_cast<Strip*>(product.workspace)),
        activations_(panel_ + kPanelTiles) {}

  static std::size_t workspace(std::size_t n) {
    return (kPanelTiles + strips_of(n)) * sizeof(Strip);
  }

  void run() const {
    const Tiles tiles(kShapes);
    for (std::size_t column = 0; column < p_.cols; column += kChunkColumns) {
      const std::size_t columns = smaller(p_.cols - column, kChunkColumns);
      lay_out_activations(column, columns);
      for (std::size_t row = p_.row_begin; row < p_.row_end; row += kPanelRows) {
        lay_out_weights(row, column, columns);
        multiply(row, column, columns);
      }
    }
  }

 private:
  static std::size_t steps(std::size_t columns) {
    return (columns + kStepColumns - 1) / kStepColumns;
  }

  void lay_out_activations(std::size_t column, std::size_t columns) const {
    for (std::size_t i = 0; i < strips_of(p_.n) * kSide; ++i) {
      const std::byte* x = p_.prepared + i * p_.prepared_pitch + 2 * column;
      Strip& strip = activations_[i / kSide];
      for (std::size_t s = 0; s < steps(columns); ++s) {
        const std::size_t left = i < p_.n ? columns - s * kStepColumns : 0;
        _mm512_store_si512(strip[s].row[i % kSide], load_step(x + 64 * s, left));
      }
    }
  }

  // Rows beyond the matrix repeat its last row; their results are not stored.
  void lay_out_weights(std::size_t row, std::size_t column, std::size_t columns) const {
    for (std::size_t tile = 0; tile < kPanelTiles; ++tile) {
      Address w[kSide];
      for (std::size_t r = 0; r < kSide; ++r) {
        const std::size_t from = smaller(row + tile * kSide + r, p_.row_end - 1);
        w[r] = reinterpret_cast<Address>(p_.weights + from * p_.row_bytes + 2 * column);
      }
      for (std::size_t s = 0; s < steps(columns); ++s) {
        __m512i v[kSide];
        for (std::size_t r = 0; r < kSide; ++r) {
          v[r] = load_step(w[r] + 64 * s, columns - s * kStepColumns);
        }
        transpose(v);
        for (std::size_t r = 0; r < kSide; ++r) _mm512_store_si512(panel_[tile][s].row[r], v[r]);
      }
    }
  }

  void multiply(std::size_t row, std::size_t column, std::size_t columns) const {
    const std::size_t strips = strips_of(p_.n);
    for (std::size_t i = 0; i < strips; i += 2) {
      if (i + 1 < strips) {
        multiply_strips<2>(i, row, column, columns);
      } else {
        multiply_strips<1>(i, row, column, columns);
      }
    }
  }

  Results results(std::size_t strip, std::size_t row) const {
    const std::size_t first = strip * kSide;
    return {p_.y + first * p_.y_pitch + row, p_.y_pitch, p_.n - first,
            row < p_.row_end ? p_.row_end - row : 0};
  }

  // `count` strips of activations from `strip` on, by the panel.
  template <int count>
  void multiply_strips(std::size_t strip, std::size_t row, std::size_t column,
                       std::size_t columns) const {
    EdgeSums edge;
    const Results left = results(strip, row);
    const Results right = results(strip, row + kSide);
    if (column == 0) {
      clear_tile<0>();
      clear_tile<1>();
      if constexpr (count == 2) clear_tile<2>();
      if constexpr (count == 2) clear_tile<3>();
    } else {
      left.load<0>(edge);
      right.load<1>(edge);
      if constexpr (count == 2) results(strip + 1, row).load<2>(edge);
      if constexpr (count == 2) results(strip + 1, row + kSide).load<3>(edge);
    }
    for (std::size_t s = 0; s < steps(columns); ++s) {
      load_tile<4>(activations_[strip][s].row, 64);
      load_tile<6>(panel_[0][s].row, 64);
      load_tile<7>(panel_[1][s].row, 64);
      multiply_bf16<0, 4, 6>();
      multiply_bf16<1, 4, 7>();
      if constexpr (count == 2) {
        load_tile<5>(activations_[strip + 1][s].row, 64);
        multiply_bf16<2, 5, 6>();
        multiply_bf16<3, 5, 7>();
      }
    }
    left.store<0>(edge);
    right.store<1>(edge);
    if constexpr (count == 2) results(strip + 1, row).store<2>(edge);
    if constexpr (count == 2) results(strip + 1, row + kSide).store<3>(edge);
  }

  const Product& p_;
  Strip* panel_;
  Strip* activations_;
};

}  // namespace

std::size_t prompt_bf16_workspace_amx(std::size_t n) { return TileProduct::workspace(n); }

void multiply_prompt_bf16_amx(const Product& product) { TileProduct(product).run(); }

}  // namespace ceiling::cpu
