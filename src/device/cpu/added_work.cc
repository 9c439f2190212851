#include "device/cpu/added_work.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ceiling::cpu {
namespace {

// Four times the largest last-level caches of one socket.
constexpr std::size_t kAddedBytes = std::size_t{1} << 30;
constexpr std::size_t kLine = 64;
constexpr std::size_t kNearestCacheBytes = 8 << 10;  // beside activations and streams

std::size_t whole_lines(double bytes) {
  return static_cast<std::size_t>(std::llround(bytes / kLine)) * kLine;
}

bool has_trial(const MatMul& matmul, const Matrix& matrix) {
  return matrix.weights == nullptr || matmul.has_trial(matrix.shape.type);
}

}  // namespace

os::AnonymousMemory make_added_memory(unsigned threads) {
  os::AnonymousMemory memory(kAddedBytes / threads / kLine * kLine * threads);
  memory.advise_huge_pages();
  std::memset(memory.data(), 1, memory.size());
  return memory;
}

AddedReads part_of(const os::AnonymousMemory& memory, unsigned thread, unsigned threads) {
  const std::size_t bytes = memory.size() / threads;
  return {memory.data() + thread * bytes, bytes, 0, 0};
}

bool has_trials(const Plan& plan, const MatMul& matmul) {
  return std::all_of(plan.phases.begin(), plan.phases.end(), [&](const Phase& phase) {
    if (std::holds_alternative<ExpertPhase>(phase)) return false;
    const auto* products = std::get_if<ProductPhase>(&phase);
    return products == nullptr ||
           std::all_of(products->products.begin(), products->products.end(),
                       [&](const MatrixProduct& product) {
                         return has_trial(matmul, product.matrix) && has_trial(matmul, product.up);
                       });
  });
}

void multiply_trial(const MatMul& matmul, const AddedWork& work, AddedReads& reads,
                    const Matrix& matrix, std::size_t begin, std::size_t end,
                    const std::byte* prepared, float* y) {
  const std::size_t row_bytes = ceiling::row_bytes(matrix.shape.type, matrix.shape.cols);
  const auto weights = static_cast<double>((end - begin) * row_bytes);
  // Of two terms only the first is repeated, and it is half of the product's arithmetic.
  const double terms = matrix.shape.two_terms ? 2 : 1;
  Trial trial{.arithmetic = terms * work.arithmetic,
              .extra = reads.memory,
              .extra_bytes = kNearestCacheBytes};
  if (work.cached_bytes > 0) {
    trial.amount = whole_lines(weights * work.cached_bytes);
  } else if (work.bytes > 0) {
    trial.extra_bytes = reads.bytes;
    trial.at = reads.at;
    trial.amount = whole_lines(weights * work.bytes);
    reads.at = (reads.at + trial.amount) % reads.bytes;
    reads.total += trial.amount;
  }
  matmul.multiply_trial(trial, matrix.shape, matrix.weights + begin * row_bytes, 0, end - begin,
                        prepared, y);
}

}  // namespace ceiling::cpu
