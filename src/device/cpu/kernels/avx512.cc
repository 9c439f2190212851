// The AVX-512 set: which product takes a type and a number of rows of activations, and how these
// are prepared for it.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/quantise_activations.h"

namespace ceiling::cpu {
namespace {

// From this many rows of activations on, unpacking weights to panels pays.
constexpr std::size_t kPromptRows = 7;

enum class Route { few, prompt, prompt_float, prompt_bf16 };

Route route(TensorType type, std::size_t n) {
  if (n < kPromptRows) return Route::few;
  using enum TensorType;
  if (type == BF16 && has_avx512_bf16()) return Route::prompt_bf16;
  if (type == F32 || type == F16 || type == BF16) return Route::prompt_float;
  return Route::prompt;
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
  switch (route(type, n)) {
    case Route::few:
      return few_preparation(type);
    case Route::prompt:
      return Preparation::q8_rows;
    case Route::prompt_float:
      return Preparation::f32;
    case Route::prompt_bf16:
      return Preparation::bf16;
  }
  return Preparation::f32;
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
    case Preparation::bf16:
      return round_up(cols * 2, 64);
    case Preparation::f32:
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
    case Preparation::bf16:
      return prepare_bf16_avx512(x, cols, prepared);
    case Preparation::f32:
      std::memcpy(prepared, x, cols * sizeof(float));
      return;
  }
}

std::size_t workspace_bytes(const MatMulShape& shape, std::size_t n) {
  switch (route(shape.type, n)) {
    case Route::few:
      return 0;
    case Route::prompt:
      return prompt_workspace_avx512(shape.type, n);
    case Route::prompt_float:
      return prompt_float_workspace_avx512(n);
    case Route::prompt_bf16:
      return prompt_bf16_workspace_avx512(n);
  }
  return 0;
}

std::size_t row_granule(const MatMulShape& shape, std::size_t n) {
  return route(shape.type, n) == Route::few ? 16 : 12;
}

void multiply(const Product& product) {
  switch (route(product.type, product.n)) {
    case Route::few:
      return multiply_few_avx512(product);
    case Route::prompt:
      return multiply_prompt_avx512(product);
    case Route::prompt_float:
      return multiply_prompt_float_avx512(product);
    case Route::prompt_bf16:
      return multiply_prompt_bf16_avx512(product);
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
