// A KernelSet of an instruction set's products: which of them takes a type and a number of rows of
// activations, and how these are prepared for it.
//
// A Set gives, each as a static function or constant:
//   kPromptRows               from this many rows of activations on, unpacking weights pays
//   kPaired                   how activations are prepared for few rows of Q4_K and Q5_K
//   kHalved, kIQ4_XS          of Q2_K, Q3_K and Q6_K, and of IQ4_XS
//   kPairedOfFew, kHalvedOfFew, kQ6_KOfFew   if there: the same for up to kRowsOfDecoding of them,
//                             of Q4_K and Q5_K, of Q2_K and Q3_K, and of Q6_K
//   few                       any type, few rows of activations
//   prompt                    quantised types, many rows; prompt_workspace(type, n)
//   prompt_float              float types, many rows; prompt_float_workspace(n)
// where some types have products of their own for batches,
//   batch, has_batch(type)    from kBatchRows rows of activations on, up to kPromptRows
// where the lab can add work,
//   trial                     few of one row of activations, so changed
// and, where there is bf16 arithmetic,
//   prompt_bf16               BF16 weights, many rows; prompt_bf16_workspace(n), prepare_bf16
#pragma once

#include "device/cpu/kernels/kernel_set.h"
#include "device/cpu/kernels/quantise_activations.h"

namespace ceiling::cpu {
namespace {

template <typename Set>
class VectorSet {
 public:
  static constexpr KernelSet make() {
    return {.preparation = preparation,
            .prepared_bytes = prepared_bytes,
            .prepare = prepare,
            .workspace_bytes = workspace_bytes,
            .multiply = multiply,
            .row_granule = row_granule,
            .multiply_trial = trial()};
  }

 private:
  static constexpr auto trial() -> bool (*)(const Product&, const Trial&) {
    if constexpr (requires { Set::trial; }) return Set::trial;
    return nullptr;
  }

  static constexpr bool kHasBf16 = requires { Set::prompt_bf16; };

  enum class Route { few, batch, prompt, prompt_float, prompt_bf16 };

  static Route route(TensorType type, std::size_t n) {
    if (n < Set::kPromptRows) {
      if constexpr (requires { Set::batch; }) {
        if (n >= Set::kBatchRows && Set::has_batch(type)) return Route::batch;
      }
      return Route::few;
    }
    using enum TensorType;
    if constexpr (kHasBf16) {
      if (type == BF16) return Route::prompt_bf16;
    }
    if (type == F32 || type == F16 || type == BF16) return Route::prompt_float;
    return Route::prompt;
  }

  static Preparation few_preparation(TensorType type, std::size_t n) {
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
        return Preparation::q8_small;
      case IQ4_XS:
        return Set::kIQ4_XS;
      case Q4_K:
      case Q5_K:
        if constexpr (requires { Set::kPairedOfFew; }) {
          if (n <= kRowsOfDecoding) return Set::kPairedOfFew;
        }
        return Set::kPaired;
      case Q2_K:
      case Q3_K:
        if constexpr (requires { Set::kHalvedOfFew; }) {
          if (n <= kRowsOfDecoding) return Set::kHalvedOfFew;
        }
        return Set::kHalved;
      case Q6_K:
        if constexpr (requires { Set::kQ6_KOfFew; }) {
          if (n <= kRowsOfDecoding) return Set::kQ6_KOfFew;
        }
        return Set::kHalved;
    }
    return Preparation::f32;
  }

  static Preparation preparation(TensorType type, std::size_t n) {
    switch (route(type, n)) {
      case Route::few:
        return few_preparation(type, n);
      case Route::batch:
      case Route::prompt:
        return Preparation::q8_rows;
      case Route::prompt_float:
        return Preparation::f32;
      case Route::prompt_bf16:
        return Preparation::bf16;
    }
    return Preparation::f32;
  }

  static std::size_t prepared_bytes(Preparation preparation, std::size_t cols) {
    switch (preparation) {
      case Preparation::q8_rows:
        return round_up(grouped_bytes<RowBlock>(cols), 64);
      case Preparation::q8_small:
        return grouped_bytes<SmallGroup>(cols);
      case Preparation::q8_paired:
        return grouped_bytes<PairedGroup>(cols);
      case Preparation::q8_halved:
        return grouped_bytes<HalvedGroup>(cols);
      case Preparation::q8_laned:
        return grouped_bytes<LanedGroup>(cols);
      case Preparation::q8_nested_pairs:
        return grouped_bytes<NestedPair>(cols);
      case Preparation::q8_nested:
      case Preparation::q8_nested_halved:
        return grouped_bytes<NestedGroup>(cols);
      case Preparation::bf16:
        return round_up(cols * 2, 64);
      default:
        return round_up(cols * sizeof(float), 64);
    }
  }

  static void prepare(Preparation preparation, Term term, const float* x, std::size_t cols,
                      std::byte* prepared) {
    switch (preparation) {
      case Preparation::q8_rows:
        return prepare_row_blocks(term, x, cols, prepared);
      case Preparation::q8_small:
        return prepare_groups<SmallGroup>(term, x, cols, prepared);
      case Preparation::q8_paired:
        return prepare_groups<PairedGroup>(term, x, cols, prepared);
      case Preparation::q8_halved:
        return prepare_groups<HalvedGroup>(term, x, cols, prepared);
      case Preparation::q8_laned:
        return prepare_groups<LanedGroup>(term, x, cols, prepared);
      case Preparation::q8_nested_pairs:
        return prepare_nested_pairs(term, x, cols, prepared);
      case Preparation::q8_nested:
        return prepare_nested_groups<NestedGroup>(term, x, cols, prepared);
      case Preparation::q8_nested_halved:
        return prepare_nested_groups<NestedHalvedGroup>(term, x, cols, prepared);
      case Preparation::bf16:
        if constexpr (kHasBf16) return Set::prepare_bf16(x, cols, prepared);
        return;
      default:
        std::memcpy(prepared, x, cols * sizeof(float));
    }
  }

  static std::size_t workspace_bytes(const MatMulShape& shape, std::size_t n) {
    switch (route(shape.type, n)) {
      case Route::few:
      case Route::batch:
        return 0;
      case Route::prompt:
        return Set::prompt_workspace(shape.type, n);
      case Route::prompt_float:
        return Set::prompt_float_workspace(n);
      case Route::prompt_bf16:
        if constexpr (kHasBf16) return Set::prompt_bf16_workspace(n);
        return 0;
    }
    return 0;
  }

  static std::size_t row_granule(const MatMulShape& shape, std::size_t n) {
    const Route taken = route(shape.type, n);
    return taken == Route::few || taken == Route::batch ? 16 : 12;
  }

  static void multiply(const Product& product) {
    switch (route(product.type, product.n)) {
      case Route::few:
        return Set::few(product);
      case Route::batch:
        if constexpr (requires { Set::batch; }) return Set::batch(product);
        return;
      case Route::prompt:
        return Set::prompt(product);
      case Route::prompt_float:
        return Set::prompt_float(product);
      case Route::prompt_bf16:
        if constexpr (kHasBf16) return Set::prompt_bf16(product);
        return;
    }
  }
};

}  // namespace
}  // namespace ceiling::cpu
