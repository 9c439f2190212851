#include "device/cuda/memory.h"

#include <cuda_runtime_api.h>

#include <utility>

#include "base/error.h"
#include "base/units.h"
#include "device/cuda/check.h"

namespace ceiling::cuda {

DeviceMemory::DeviceMemory(std::uint64_t bytes, std::string_view purpose) : size_(bytes) {
  if (bytes == 0) return;
  void* at = nullptr;
  const cudaError_t result = cudaMalloc(&at, bytes);
  if (result == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    std::size_t free = 0;
    std::size_t total = 0;
    cudaMemGetInfo(&free, &total);
    fail(ExitCode::failed,
         "cuda: {} needs {} of device memory, {} of {} are free: ask for a smaller context (-c), a "
         "lower --device-memory, or end other programs on the device",
         purpose, format_capacity({bytes}), format_capacity({free}), format_capacity({total}));
  }
  check(result, purpose);
  data_ = static_cast<std::uint8_t*>(at);
}

DeviceMemory::~DeviceMemory() {
  if (data_ != nullptr) cudaFree(data_);
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

PinnedMemory::PinnedMemory(std::size_t bytes, std::string_view purpose) : size_(bytes) {
  if (bytes == 0) return;
  void* at = nullptr;
  check(cudaMallocHost(&at, bytes), purpose);
  data_ = static_cast<std::byte*>(at);
}

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

PinnedMemory::PinnedMemory(PinnedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PinnedMemory& PinnedMemory::operator=(PinnedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace ceiling::cuda
