#include "device/cuda/scratch.h"

#include <cuda_runtime_api.h>

#include "device/cuda/check.h"

namespace ceiling::cuda {
namespace {

template <typename Memory>
Shared<Memory> take(std::map<std::string_view, std::weak_ptr<const Memory>>& buffers,
                    std::string_view purpose, std::uint64_t bytes) {
  std::shared_ptr<const Memory> memory = buffers[purpose].lock();
  if (!memory || memory->size() < bytes) {
    memory = std::make_shared<const Memory>(bytes, purpose);
    buffers[purpose] = memory;
  }
  return Shared<Memory>(std::move(memory));
}

}  // namespace

Shared<DeviceMemory> Scratch::device(std::string_view purpose, std::uint64_t bytes) {
  const auto before = device_[purpose].lock();
  Shared<DeviceMemory> out = take(device_, purpose, bytes);
  if (out.size() > 0 && (!before || before->data() != out.data())) {
    check(cudaMemset(out.data(), 0, out.size()), "clearing buffers");
    check(cudaStreamSynchronize(nullptr), "clearing buffers");
  }
  return out;
}

Shared<PinnedMemory> Scratch::pinned(std::string_view purpose, std::uint64_t bytes) {
  return take(pinned_, purpose, bytes);
}

}  // namespace ceiling::cuda
