// One KV cache on two units: prompts run on one, answers on the other, and what either has appended
// is handed over when the other goes on. Weights are not.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "device/device.h"

namespace ceiling {

class HandOver {
 public:
  // Stores with pages of the same number of positions, and as many of them. Throws Error(failed) if
  // not.
  HandOver(KvStore& prefill, KvStore& decode, std::uint32_t sequences);

  enum class Side : std::uint8_t { prefill, decode };
  // Before a unit appends to a sequence that holds `length` positions, in these pages: copies what
  // it has not seen.
  void bring(Side side, std::uint32_t sequence, std::uint32_t length,
             const std::vector<std::uint32_t>& pages);
  void appended(Side side, std::uint32_t sequence, std::uint32_t length);  // it now holds so many
  void truncated(std::uint32_t sequence, std::uint32_t length);
  void forked(std::uint32_t from, std::uint32_t to);

  std::uint64_t bytes() const { return bytes_; }  // handed over so far

 private:
  std::uint32_t& seen(Side side, std::uint32_t sequence) {
    return seen_[static_cast<std::size_t>(side)][sequence];
  }

  KvStore* stores_[2];
  std::vector<std::uint32_t> seen_[2];  // positions of each sequence that are in the side's store
  std::vector<std::byte> page_;         // canonical
  std::uint64_t bytes_ = 0;
};

}  // namespace ceiling
