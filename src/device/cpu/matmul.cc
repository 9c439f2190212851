#include "device/cpu/matmul.h"

#include <cassert>

#include "device/cpu/kernels/kernel_set.h"

namespace ceiling::cpu {
namespace {

const KernelSet& kernels_of(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2_kernels();
  if (isa == Isa::avx512) return avx512_kernels();
#elif defined(__aarch64__)
  if (isa == Isa::neon) return neon_kernels();
#endif
  (void)isa;
  return portable_kernels();
}

}  // namespace

MatMul::MatMul(Isa isa) : kernels_(&kernels_of(isa)) {}

Preparation MatMul::preparation(TensorType type, std::size_t n) const {
  return kernels_->preparation(type, n);
}

std::size_t MatMul::prepared_bytes(Preparation preparation, std::size_t cols) const {
  return kernels_->prepared_bytes(preparation, cols);
}

void MatMul::prepare(Preparation preparation, const float* x, std::size_t cols,
                     std::byte* prepared) const {
  kernels_->prepare(preparation, x, cols, prepared);
}

std::size_t MatMul::workspace_bytes(const MatMulShape& shape, std::size_t n) const {
  return kernels_->workspace_bytes(shape, n);
}

void MatMul::multiply(const MatMulShape& shape, const std::byte* weights, std::size_t row_begin,
                      std::size_t row_end, const std::byte* prepared, std::size_t n, float* y,
                      std::size_t y_pitch, std::byte* workspace) const {
  assert(row_begin <= row_end && row_end <= shape.rows);
  if (row_begin == row_end || n == 0) return;
  const Preparation how = kernels_->preparation(shape.type, n);
  kernels_->multiply({.type = shape.type,
                      .cols = shape.cols,
                      .weights = weights,
                      .row_bytes = row_bytes(shape.type, shape.cols),
                      .row_begin = row_begin,
                      .row_end = row_end,
                      .prepared = prepared,
                      .prepared_pitch = kernels_->prepared_bytes(how, shape.cols),
                      .n = n,
                      .y = y,
                      .y_pitch = y_pitch,
                      .workspace = workspace});
}

bool MatMul::has_trial(TensorType type) const {
  return kernels_->multiply_trial != nullptr &&
         kernels_->multiply_trial({.type = type, .row_begin = 0, .row_end = 0}, {});
}

void MatMul::multiply_trial(const Trial& trial, const MatMulShape& shape, const std::byte* weights,
                            std::size_t row_begin, std::size_t row_end, const std::byte* prepared,
                            float* y) const {
  assert(has_trial(shape.type) && row_begin <= row_end && row_end <= shape.rows);
  const Preparation how = kernels_->preparation(shape.type, 1);
  kernels_->multiply_trial({.type = shape.type,
                            .cols = shape.cols,
                            .weights = weights,
                            .row_bytes = row_bytes(shape.type, shape.cols),
                            .row_begin = row_begin,
                            .row_end = row_end,
                            .prepared = prepared,
                            .prepared_pitch = kernels_->prepared_bytes(how, shape.cols),
                            .n = 1,
                            .y = y,
                            .y_pitch = shape.rows,
                            .workspace = nullptr},
                           trial);
}

std::size_t MatMul::row_granule(const MatMulShape& shape, std::size_t n) const {
  return kernels_->row_granule(shape, n);
}

}  // namespace ceiling::cpu
