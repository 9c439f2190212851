// What a trial's probe reads.
#pragma once

#include <cstddef>
#include <span>

#include "os/memory_map.h"

namespace ceiling::lab {

// The model's own mapping, or plain memory where that is so small that the caches would answer.
class ProbedMemory {
 public:
  explicit ProbedMemory(std::span<const std::byte> mapping);  // must outlive it
  std::span<const std::byte> region() const { return region_; }

 private:
  os::AnonymousMemory plain_;
  std::span<const std::byte> region_;
};

}  // namespace ceiling::lab
