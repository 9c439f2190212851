#include "device/cpu/matmul.h"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "base/processor.h"
#include "device/cpu/kernels/kernel_set.h"

namespace ceiling::cpu {
namespace {

const KernelSet& kernels_of(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2_kernels();
  if (isa == Isa::avx512) {
    if (!fast_avx512_bf16()) return avx512_kernels();
    return is_zen5(this_processor()) ? zen5_kernels() : avx512_bf16_kernels();
  }
  if (isa == Isa::amx) return amx_kernels();
#elif defined(__aarch64__)
  if (isa == Isa::neon) return has_neon_i8mm() ? neon_i8mm_kernels() : neon_kernels();
#endif
  (void)isa;
  return portable_kernels();
}

std::size_t terms(const MatMulShape& shape) { return shape.two_terms ? 2 : 1; }

std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

// Rows of weights whose results for 2 n rows of activations are held before they are added.
std::size_t rows_at_once(const MatMulShape& shape, std::size_t n) {
  constexpr std::size_t most_floats = std::size_t{1} << 19;
  constexpr std::size_t unit = 48;  // a multiple of all granules
  return std::min(shape.rows, std::max(most_floats / (2 * n) / unit, std::size_t{1}) * unit);
}

// All but where the results go.
Product product_of(const KernelSet& kernels, ReadOrder order, const MatMulShape& shape,
                   const std::byte* weights, std::size_t row_begin, std::size_t row_end,
                   const std::byte* prepared, std::size_t n) {
  const Preparation how = kernels.preparation(shape.type, terms(shape) * n);
  return {.type = shape.type,
          .cols = shape.cols,
          .weights = weights,
          .row_bytes = row_bytes(shape.type, shape.cols),
          .row_begin = row_begin,
          .row_end = row_end,
          .prepared = prepared,
          .prepared_pitch = kernels.prepared_bytes(how, shape.cols),
          .n = terms(shape) * n,
          .order = order};
}

}  // namespace

MatMul::MatMul(Isa isa, ReadOrder order) : MatMul(kernels_of(isa), order) {}

MatMul::MatMul(const KernelSet& kernels, ReadOrder order) : kernels_(&kernels), order_(order) {}

// The kernels know nothing of terms: to them, the two of a row are two rows of activations, one
// after the other.
InputForm MatMul::form(const MatMulShape& shape, std::size_t n) const {
  return {kernels_->preparation(shape.type, terms(shape) * n), shape.two_terms};
}

std::size_t MatMul::prepared_bytes(InputForm form, std::size_t cols) const {
  return (form.two_terms ? 2 : 1) * kernels_->prepared_bytes(form.preparation, cols);
}

void MatMul::prepare(InputForm form, const float* x, std::size_t cols, std::byte* prepared) const {
  kernels_->prepare(form.preparation, Term::first, x, cols, prepared);
  if (!form.two_terms) return;
  const std::size_t pitch = kernels_->prepared_bytes(form.preparation, cols);
  kernels_->prepare(form.preparation, Term::second, x, cols, prepared + pitch);
}

std::size_t MatMul::workspace_bytes(const MatMulShape& shape, std::size_t n) const {
  const std::size_t kernel = kernels_->workspace_bytes(shape, terms(shape) * n);
  if (!shape.two_terms) return kernel;
  return aligned(kernel) + aligned(2 * n * rows_at_once(shape, n) * sizeof(float));
}

void MatMul::multiply(const MatMulShape& shape, const std::byte* weights, std::size_t row_begin,
                      std::size_t row_end, const std::byte* prepared, std::size_t n, float* y,
                      std::size_t y_pitch, std::byte* workspace) const {
  assert(row_begin <= row_end && row_end <= shape.rows);
  if (row_begin == row_end || n == 0) return;
  Product product = product_of(*kernels_, order_, shape, weights, row_begin, row_end, prepared, n);
  product.y = y;
  product.y_pitch = y_pitch;
  product.workspace = workspace;
  if (!shape.two_terms) return kernels_->multiply(product);
  auto* const sums =
      reinterpret_cast<float*>(workspace + aligned(kernels_->workspace_bytes(shape, 2 * n)));
  const std::size_t step = rows_at_once(shape, n);
  for (std::size_t row = row_begin; row < row_end; row += step) {
    const std::size_t count = std::min(step, row_end - row);
    product.weights = weights + row * product.row_bytes;
    product.row_begin = 0;
    product.row_end = count;
    product.y = sums;
    product.y_pitch = count;
    kernels_->multiply(product);
    for (std::size_t i = 0; i < n; ++i) {
      const float* first = sums + 2 * i * count;
      for (std::size_t r = 0; r < count; ++r) {
        y[i * y_pitch + row + r] = first[r] + first[count + r];
      }
    }
  }
}

bool MatMul::has_trial(TensorType type) const {
  return kernels_->multiply_trial != nullptr &&
         kernels_->multiply_trial({.type = type, .row_begin = 0, .row_end = 0}, {});
}

void MatMul::multiply_trial(const Trial& trial, const MatMulShape& shape, const std::byte* weights,
                            std::size_t row_begin, std::size_t row_end, const std::byte* prepared,
                            float* y) const {
  assert(has_trial(shape.type) && row_begin <= row_end && row_end <= shape.rows);
  Product product = product_of(*kernels_, order_, shape, weights, row_begin, row_end, prepared, 1);
  product.n = 1;
  product.y = y;
  product.y_pitch = shape.rows;
  kernels_->multiply_trial(product, trial);
  if (!shape.two_terms) return;
  product.prepared += product.prepared_pitch;
  product.row_begin = 0;
  for (std::size_t row = row_begin; row < row_end; row += product.row_end) {
    float second[256];
    product.weights = weights + row * product.row_bytes;
    product.row_end = std::min(std::size(second), row_end - row);
    product.y = second;
    kernels_->multiply(product);
    for (std::size_t r = 0; r < product.row_end; ++r) y[row + r] += second[r];
  }
}

std::size_t MatMul::row_granule(const MatMulShape& shape, std::size_t n) const {
  return kernels_->row_granule(shape, terms(shape) * n);
}

}  // namespace ceiling::cpu
