// Buffers that hold nothing from one step to the next: the segments of a device use them in turn.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "device/cuda/memory.h"

namespace ceiling::cuda {

// One buffer, as memory.h's.
template <typename Memory>
class Shared {
 public:
  Shared() = default;
  explicit Shared(std::shared_ptr<const Memory> memory) : memory_(std::move(memory)) {}
  auto* data() const { return memory_ ? memory_->data() : nullptr; }
  template <typename T>
  T* as() const {
    return memory_ ? memory_->template as<T>() : nullptr;
  }
  std::uint64_t size() const { return memory_ ? memory_->size() : 0; }

 private:
  std::shared_ptr<const Memory> memory_;
};

// For one stream, on which steps run one after another. Device memory starts as zeros: who counts
// in it leaves zeros behind.
class Scratch {
 public:
  // The buffer of that purpose, at least so large: the one in use where that is, else a new one.
  Shared<DeviceMemory> device(std::string_view purpose, std::uint64_t bytes);
  Shared<PinnedMemory> pinned(std::string_view purpose, std::uint64_t bytes);

 private:
  std::map<std::string_view, std::weak_ptr<const DeviceMemory>> device_;  // purposes are literals
  std::map<std::string_view, std::weak_ptr<const PinnedMemory>> pinned_;
};

}  // namespace ceiling::cuda
