// The AVX-512 set: what activations look like for each type and number of rows.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/panel.h"
#include "device/cpu/kernels/quantise_activations.h"

namespace ceiling::cpu {
namespace {

// From this many rows of activations on, unpacking weights to panels pays.
constexpr std::size_t kPromptRows = 16;

bool is_float(TensorType type) {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

Preparation few_preparation(TensorType type) {
  using enum TensorType;
  switch (type) {
    case F32:
    case F16:
    case BF16:
      return Preparation::f32;
    case Q4_0:
    case Q4_1:
    case Q5_0:
    case Q5_1:
    case Q8_0:
    case IQ4_NL:
    case IQ4_XS:
      return Preparation::q8_small;
    case Q4_K:
    case Q5_K:
      return Preparation::q8_paired;
    case Q2_K:
    case Q3_K:
    case Q6_K:
      return Preparation::q8_halved;
  }
  return Preparation::f32;
}

Preparation preparation(TensorType type, std::size_t n) {
  return n >= kPromptRows && !is_float(type) ? Preparation::q8_rows : few_preparation(type);
}

std::size_t prepared_bytes(Preparation preparation, std::size_t cols) {
  switch (preparation) {
    case Preparation::q8:
      return PlainRow::bytes(cols);
    case Preparation::q8_rows:
      return round_up(grouped_bytes<RowBlock>(cols), 64);
    case Preparation::q8_small:
      return grouped_bytes<SmallGroup>(cols);
    case Preparation::q8_paired:
      return grouped_bytes<PairedGroup>(cols);
    case Preparation::q8_halved:
      return grouped_bytes<HalvedGroup>(cols);
    case Preparation::f32:
    case Preparation::bf16:
      break;
  }
  return round_up(cols * sizeof(float), 64);
}

void prepare(Preparation preparation, const float* x, std::size_t cols, std::byte* prepared) {
  switch (preparation) {
    case Preparation::q8:
      return prepare_plain(x, cols, prepared);
    case Preparation::q8_rows:
      return prepare_row_blocks(x, cols, prepared);
    case Preparation::q8_small:
      return prepare_groups<SmallGroup>(x, cols, prepared);
    case Preparation::q8_paired:
      return prepare_groups<PairedGroup>(x, cols, prepared);
    case Preparation::q8_halved:
      return prepare_groups<HalvedGroup>(x, cols, prepared);
    case Preparation::f32:
    case Preparation::bf16:
      std::memcpy(prepared, x, cols * sizeof(float));
      return;
  }
}

bool by_panels(TensorType type, std::size_t n) {
  return preparation(type, n) == Preparation::q8_rows;
}

std::size_t workspace_bytes(const MatMulShape& shape, std::size_t n) {
  return by_panels(shape.type, n) ? kPanelBytes : 0;
}

std::size_t row_granule(const MatMulShape& shape, std::size_t n) {
  return by_panels(shape.type, n) ? 2 * kStripRows : kStripRows;
}

void multiply(const Product& product) {
  if (by_panels(product.type, product.n)) {
    multiply_prompt_avx512(product);
  } else {
    multiply_few_avx512(product);
  }
}

}  // namespace

const KernelSet& avx512_kernels() {
  static constexpr KernelSet set{.preparation = preparation,
                                 .prepared_bytes = prepared_bytes,
                                 .prepare = prepare,
                                 .workspace_bytes = workspace_bytes,
                                 .multiply = multiply,
                                 .row_granule = row_granule};
  return set;
}

}  // namespace ceiling::cpu
