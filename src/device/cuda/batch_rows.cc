#include "device/cuda/batch_rows.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "device/cuda/check.h"

namespace ceiling::cuda {

BatchRows::BatchRows(std::uint32_t max_rows, std::uint32_t page_positions, std::uint32_t page_count)
    : max_rows_(max_rows), page_positions_(page_positions), page_count_(page_count) {
  reserve(std::max<std::size_t>(page_count, 1));
}

// token, position, table and logit_row of max_rows each, then the page tables.
void BatchRows::reserve(std::size_t table_entries) {
  const std::size_t words = std::size_t{4} * max_rows_ + table_entries;
  host_ = PinnedMemory(words * sizeof(std::uint32_t), "the rows of a step");
  device_ = DeviceMemory(words * sizeof(std::uint32_t), "the rows of a step");
  table_entries_ = table_entries;
  const auto* at = device_.as<std::uint32_t>();
  rows_ = {.token = device_.as<std::int32_t>(),
           .position = at + max_rows_,
           .table = at + 2 * std::size_t{max_rows_},
           .logit_row = at + 3 * std::size_t{max_rows_},
           .pages = at + 4 * std::size_t{max_rows_}};
}

bool BatchRows::fill(const Batch& batch, const PageTables& tables) {
  std::map<std::uint32_t, std::uint32_t> pages_of;  // sequence -> pages that its rows need
  for (const BatchRow& row : batch.rows) {
    const std::uint32_t needed = row.position / page_positions_ + 1;
    if (page_count_ > 0 && (row.sequence >= tables.size() || needed > tables[row.sequence].size() ||
                            tables[row.sequence][needed - 1] >= page_count_)) {
      fail(ExitCode::failed, "position {} of sequence {} has no page in the KV cache", row.position,
           row.sequence);
    }
    std::uint32_t& pages = pages_of[row.sequence];
    pages = std::max(pages, needed);
  }
  std::size_t entries = 0;
  for (const auto& [sequence, pages] : pages_of) entries += pages;
  const bool grows = page_count_ > 0 && entries > table_entries_;
  if (grows) reserve(2 * entries);

  auto* const words = host_.as<std::uint32_t>();
  std::map<std::uint32_t, std::uint32_t> table_of;
  std::uint32_t next = 0;
  if (page_count_ > 0) {
    for (const auto& [sequence, pages] : pages_of) {
      table_of[sequence] = next;
      const auto& table = tables[sequence];
      std::copy_n(table.begin(), pages, words + std::size_t{4} * max_rows_ + next);
      next += pages;
    }
  }
  std::uint32_t logit_rows = 0;
  for (std::uint32_t i = 0; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    words[i] = static_cast<std::uint32_t>(row.token);
    words[max_rows_ + i] = row.position;
    words[2 * std::size_t{max_rows_} + i] = page_count_ > 0 ? table_of[row.sequence] : 0;
    if (row.logits) words[3 * std::size_t{max_rows_} + logit_rows++] = i;
  }
  return grows;
}

void BatchRows::copy(cudaStream_t stream) const {
  check(cudaMemcpyAsync(device_.data(), host_.data(), host_.size(), cudaMemcpyHostToDevice, stream),
        "copying the rows of a step");
}

}  // namespace ceiling::cuda
