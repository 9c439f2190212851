#include "device/row_words.h"

#include <algorithm>
#include <map>

#include "base/error.h"

namespace ceiling {
namespace {

// Sequence -> pages that its rows need.
std::map<std::uint32_t, std::uint32_t> pages_needed(const RowLayout& layout, const Batch& batch) {
  std::map<std::uint32_t, std::uint32_t> out;
  if (layout.page_count == 0) return out;
  for (const BatchRow& row : batch.rows) {
    std::uint32_t& pages = out[row.sequence];
    pages = std::max(pages, row.position / layout.page_positions + 1);
  }
  return out;
}

}  // namespace

std::size_t table_entries(const RowLayout& layout, const Batch& batch, const PageTables& tables) {
  for (const BatchRow& row : batch.rows) {
    if (layout.page_count == 0) break;
    const std::size_t page = row.position / layout.page_positions;
    if (row.sequence >= tables.size() || page >= tables[row.sequence].size() ||
        tables[row.sequence][page] >= layout.page_count) {
      fail(ExitCode::failed, "position {} of sequence {} has no page in the KV cache", row.position,
           row.sequence);
    }
  }
  std::size_t entries = 0;
  for (const auto& [sequence, pages] : pages_needed(layout, batch)) entries += pages;
  return entries;
}

void write_rows(const RowLayout& layout, const Batch& batch, const PageTables& tables,
                std::span<std::uint32_t> words) {
  std::map<std::uint32_t, std::uint32_t> table_of;
  std::uint32_t next = 0;
  for (const auto& [sequence, pages] : pages_needed(layout, batch)) {
    table_of[sequence] = next;
    std::copy_n(tables[sequence].begin(), pages, words.begin() + layout.pages() + next);
    next += pages;
  }
  std::size_t logit_rows = 0;
  for (std::uint32_t i = 0; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    words[layout.token() + i] = static_cast<std::uint32_t>(row.token);
    words[layout.position() + i] = row.position;
    words[layout.table() + i] = layout.page_count > 0 ? table_of[row.sequence] : 0;
    if (row.logits) words[layout.logit_row() + logit_rows++] = i;
  }
}

}  // namespace ceiling
