// Buffers: of the device's own memory, of memory that host and device write and read, and of host
// pages taken as they lie.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "device/vulkan/context.h"

namespace ceiling::vulkan {

enum class Place : std::uint8_t {
  device,    // the device's own, where there is such a thing
  upload,    // the host writes, the device reads
  readback,  // the device writes, the host reads
};

struct Import;

class Buffer {
 public:
  Buffer() = default;
  // Zero bytes make no buffer. Throws Error(failed) with what it was for and its size.
  Buffer(const Context& context, std::uint64_t bytes, Place place, std::string_view purpose);
  // Whole granules of host memory, which must outlive the buffer; read only.
  static Import import(const Context& context, std::span<const std::byte> pages);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  VkBuffer handle() const { return buffer_; }
  std::uint64_t size() const { return size_; }
  std::byte* data() const { return mapped_; }  // null where the host cannot reach it
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(mapped_);
  }

 private:
  const Context* context_ = nullptr;  // outlives it
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  std::uint64_t size_ = 0;
  std::byte* mapped_ = nullptr;
};

struct Import {
  std::optional<Buffer> buffer;
  std::string refusal;  // why there is none
};

// Records that the host sees what was copied before, once the commands have ended.
void show_host(VkCommandBuffer commands);

// Part of a buffer, as a shader sees it.
struct Span {
  VkBuffer buffer = VK_NULL_HANDLE;
  std::uint64_t offset = 0, bytes = 0;
};

}  // namespace ceiling::vulkan
