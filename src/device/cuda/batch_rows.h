// The rows of a step on their way to the device: one pinned block, one copy, fixed addresses, so
// that a captured graph can be run for any step.
#pragma once

#include <cstdint>

#include "device/cuda/context.h"
#include "device/cuda/memory.h"
#include "device/row_words.h"

namespace ceiling::cuda {

class BatchRows {
 public:
  explicit BatchRows(const RowLayout& layout);

  // Throws Error(failed): a row without a page. True if the addresses have changed.
  bool fill(const Batch& batch, const PageTables& tables);
  void copy(cudaStream_t stream) const;
  const Rows& rows() const { return rows_; }
  std::uint64_t bytes() const { return host_.size(); }

 private:
  void reserve(std::size_t table_entries);

  RowLayout layout_;
  std::size_t table_entries_ = 0;
  PinnedMemory host_;
  DeviceMemory device_;
  Rows rows_;
};

}  // namespace ceiling::cuda
