#include "device/cuda/batch_rows.h"

#include <algorithm>

#include "device/cuda/check.h"

namespace ceiling::cuda {

BatchRows::BatchRows(const RowLayout& layout) : layout_(layout) {
  reserve(std::max<std::size_t>(layout.page_count, 1));
}

void BatchRows::reserve(std::size_t table_entries) {
  const std::size_t words = layout_.pages() + table_entries;
  host_ = PinnedMemory(words * sizeof(std::uint32_t), "the rows of a step");
  device_ = DeviceMemory(words * sizeof(std::uint32_t), "the rows of a step");
  table_entries_ = table_entries;
  const auto* at = device_.as<std::uint32_t>();
  rows_ = {.token = device_.as<std::int32_t>(),
           .position = at + layout_.position(),
           .table = at + layout_.table(),
           .logit_row = at + layout_.logit_row(),
           .pages = at + layout_.pages()};
}

bool BatchRows::fill(const Batch& batch, const PageTables& tables) {
  const std::size_t entries = table_entries(layout_, batch, tables);
  const bool grows = entries > table_entries_;
  if (grows) reserve(2 * entries);
  write_rows(layout_, batch, tables,
             {host_.as<std::uint32_t>(), host_.size() / sizeof(std::uint32_t)});
  return grows;
}

void BatchRows::copy(cudaStream_t stream) const {
  check(cudaMemcpyAsync(device_.data(), host_.data(), host_.size(), cudaMemcpyHostToDevice, stream),
        "copying the rows of a step");
}

}  // namespace ceiling::cuda
