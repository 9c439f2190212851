// The way of weights from the mapping to the device: threads read it into small pinned buffers,
// each with a stream of its own, so that reading, the link and the change of layout overlap.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "device/cuda/kernels/jobs.h"
#include "device/cuda/memory.h"
#include "quant/tensor_type.h"

namespace ceiling::cuda {

// A part of one weight, at most kPartBytes but for a single row. Rows of a repacked type go to
// their places in the whole matrix; other bytes go where `to` says.
struct CopyPart {
  std::span<const std::byte> from;
  std::uint8_t* to = nullptr;  // of the part, or, repacked, of the matrix
  bool repacked = false;
  TensorType type = TensorType::F32;
  std::uint64_t first_row = 0, rows = 0, all_rows = 0;  // where repacked
  std::uint32_t cols = 0;
};
inline constexpr std::uint64_t kPartBytes = std::uint64_t{2} << 20;

// The buffers and streams, kept from copy to copy: pinning them takes longer than a small model.
class StagedCopy {
 public:
  explicit StagedCopy(const Stage& stage);
  ~StagedCopy();
  StagedCopy(const StagedCopy&) = delete;
  StagedCopy& operator=(const StagedCopy&) = delete;

  // Parts in ascending order of their places. Returns when the last byte was there. `read` is told,
  // by any thread, of what has been read, from the first byte of some parts to their last. Throws
  // Error(failed) on the first failure.
  std::chrono::steady_clock::time_point run(
      const std::vector<CopyPart>& parts,
      const std::function<void(std::span<const std::byte>)>& read);

 private:
  class Lane;
  void make_buffers(std::uint64_t bytes);

  Stage stage_;
  std::size_t threads_;
  std::uint64_t buffer_bytes_ = 0;
  PinnedMemory host_;
  DeviceMemory stored_;  // as in the file, on the device, on its way to another layout
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace ceiling::cuda
