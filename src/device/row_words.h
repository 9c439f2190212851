// The rows of a step as a kernel reads them: words at fixed places, so that recorded work can be
// run again for any step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/device.h"

namespace ceiling {

// `max_rows` words each of token, position, where the row's page table begins, and the batch row of
// each logit row; then the page tables of the batch's sequences.
struct RowLayout {
  std::uint32_t max_rows = 0;
  std::uint32_t page_positions = 0;
  std::uint32_t page_count = 0;  // 0: the segment touches no KV cache, and no tables are written
  std::size_t token() const { return 0; }
  std::size_t position() const { return max_rows; }
  std::size_t table() const { return std::size_t{2} * max_rows; }
  std::size_t logit_row() const { return std::size_t{3} * max_rows; }
  std::size_t pages() const { return std::size_t{4} * max_rows; }
};

// Page table entries of a batch. Throws Error(failed): a row without a page.
std::size_t table_entries(const RowLayout& layout, const Batch& batch, const PageTables& tables);

// `words` holds layout.pages() + table_entries() of them at least.
void write_rows(const RowLayout& layout, const Batch& batch, const PageTables& tables,
                std::span<std::uint32_t> words);

}  // namespace ceiling
