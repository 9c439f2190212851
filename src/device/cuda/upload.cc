#include "device/cuda/upload.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "device/cuda/staged_copy.h"

namespace ceiling::cuda {
namespace {

constexpr std::uint64_t kAlignment = 256;

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

void check_readable(const Weight& weight) {
  const std::uint64_t unit = weight.type == TensorType::F32 ? 4 : 8;
  if (weight.rows == 1 || weight.cols % unit == 0) return;
  fail(ExitCode::failed,
       "cuda: '{}' has {} columns of {}, expected a multiple of {}: use --device cpu", weight.name,
       weight.cols, name(weight.type), unit);
}

Matrix matrix_of(const Weight& weight) {
  return {.type = weight.type,
          .all_rows = weight.groups * weight.rows,
          .rows = static_cast<std::uint32_t>(weight.rows),
          .cols = static_cast<std::uint32_t>(weight.cols)};
}

void add_parts(const Weight& weight, const std::byte* from, std::uint8_t* to,
               std::vector<CopyPart>& parts) {
  if (!repacked(weight.type)) {
    for (std::uint64_t at = 0; at < weight.bytes(); at += kPartBytes) {
      const std::uint64_t bytes = std::min(kPartBytes, weight.bytes() - at);
      parts.push_back({.from = {from + at, bytes}, .to = to + at});
    }
    return;
  }
  const std::uint64_t all_rows = weight.groups * weight.rows;
  const std::uint64_t each = row_bytes(weight.type, weight.cols);
  const std::uint64_t at_once = std::max<std::uint64_t>(kPartBytes / each, 1);
  for (std::uint64_t row = 0; row < all_rows; row += at_once) {
    const std::uint64_t rows = std::min(at_once, all_rows - row);
    parts.push_back({.from = {from + row * each, rows * each},
                     .to = to,
                     .repacked = true,
                     .type = weight.type,
                     .first_row = row,
                     .rows = rows,
                     .all_rows = all_rows,
                     .cols = static_cast<std::uint32_t>(weight.cols)});
  }
}

}  // namespace

DeviceWeights::DeviceWeights(Context& context, Source source)
    : weights_(std::move(source.weights)),
      matrices_(source.program.weights.size()),
      lenders_(std::move(source.lenders)) {
  const Program& program = source.program;
  const auto start = std::chrono::steady_clock::now();
  for (const WeightId id : source.streamed) {
    check_readable(program.weights[id]);
    matrices_[id] = matrix_of(program.weights[id]);
  }
  std::vector<WeightId> in_order;  // of the file
  std::uint64_t total = 0;
  for (const WeightId id : source.copied) {
    const Weight& weight = program.weights[id];
    check_readable(weight);
    if (borrow(id)) continue;
    in_order.push_back(id);
    total += aligned(weight.bytes());
    bytes_ += weight.bytes();
  }
  if (in_order.empty()) return;
  std::ranges::sort(in_order, {}, [&](WeightId id) { return weights_->data(id); });

  memory_ = DeviceMemory(total, "the weights");
  std::vector<CopyPart> parts;
  std::uint8_t* to = memory_.data();
  for (const WeightId id : in_order) {
    const Weight& weight = program.weights[id];
    matrices_[id] = matrix_of(weight);
    matrices_[id].data = to;
    add_parts(weight, weights_->data(id), to, parts);
    to += aligned(weight.bytes());
  }
  const auto end = context.copies().run(
      parts, [this](std::span<const std::byte> part) { weights_->file().release(part); });
  time_ = {std::chrono::duration<double>(end - start).count()};
}

bool DeviceWeights::owns(WeightId id) const {
  const std::uint8_t* const data = matrices_[id].data;
  return data != nullptr && data >= memory_.data() && data < memory_.data() + memory_.size();
}

bool DeviceWeights::borrow(WeightId id) {
  for (const auto& lender : lenders_) {
    if (!lender->owns(id)) continue;
    matrices_[id] = lender->matrix(id);
    return true;
  }
  return false;
}

}  // namespace ceiling::cuda
