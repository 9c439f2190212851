// Pages of the file that stay pinned where they lie, so that they cross the link at its full rate
// without a copy on the host and without a processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "model/weights.h"

namespace ceiling::cuda {

// What one process has pinned: a page can be pinned once, and who copies from it must know where
// the pieces end. Not for use by several threads at once but through add() and one_copy().
class PinnedRanges {
 public:
  // The one in use, or a new one.
  static std::shared_ptr<PinnedRanges> of_process();
  ~PinnedRanges();
  PinnedRanges(const PinnedRanges&) = delete;
  PinnedRanges& operator=(const PinnedRanges&) = delete;

  // Pins the pages that hold these parts of `weights` and are not pinned yet. Where the driver does
  // not pin pages of files they stay as they are: copies from them are right, and slow.
  void add(std::vector<std::span<const std::byte>> parts, std::shared_ptr<const Weights> weights);
  // How many of `bytes`, from the first on, one copy may take: it must not leave what was pinned in
  // one piece.
  std::uint64_t one_copy(std::span<const std::byte> bytes) const;

 private:
  PinnedRanges() = default;
  struct Range {
    std::uintptr_t begin, end;
  };
  std::vector<Range> gaps_in(Range pages) const;
  void pin(const std::vector<Range>& ranges);

  mutable std::mutex mutex_;
  std::map<std::uintptr_t, std::uintptr_t> pieces_;      // end of each, by its begin
  std::vector<std::shared_ptr<const Weights>> weights_;  // what they lie in stays mapped
};

}  // namespace ceiling::cuda
