#include "device/vulkan/memory.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "device/vulkan/check.h"
#include "device/vulkan/structure.h"

namespace ceiling::vulkan {
namespace {

constexpr VkMemoryPropertyFlags kHost =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

// The best first; every device has the last.
std::array<VkMemoryPropertyFlags, 2> wishes(Place place) {
  switch (place) {
    case Place::device:
      return {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
    case Place::upload:
      return {kHost, kHost};
    case Place::readback:
      return {kHost | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, kHost};
  }
  return {};
}

VkBufferCreateInfo buffer_info(std::uint64_t bytes) {
  auto info = structure<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  info.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  return info;
}

}  // namespace

Buffer::Buffer(const Context& context, std::uint64_t bytes, Place place, std::string_view purpose)
    : device_(context.device()), size_(bytes) {
  if (bytes == 0) return;
  const auto refuse = [&](VkResult result) {
    if (result == VK_SUCCESS) return;
    fail(ExitCode::failed,
         "vulkan: {} needs {}, which the device does not give ({} in one piece at most): ask for a "
         "smaller context (-c), end other programs, or use --device cpu",
         purpose, format_capacity({bytes}), format_capacity({context.limits().allocation_bytes}));
  };
  if (bytes > context.limits().allocation_bytes) refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY);
  const VkBufferCreateInfo info = buffer_info(bytes);
  Buffer made;  // let go if something here throws
  made.device_ = device_;
  refuse(vkCreateBuffer(device_, &info, nullptr, &made.buffer_));
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device_, made.buffer_, &needs);
  auto allocation = structure<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
  allocation.allocationSize = needs.size;
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  for (const VkMemoryPropertyFlags flags : wishes(place)) {
    const auto type = context.memory_type(needs.memoryTypeBits, flags);
    if (!type) continue;
    allocation.memoryTypeIndex = *type;
    result = vkAllocateMemory(device_, &allocation, nullptr, &made.memory_);
    if (result == VK_SUCCESS) break;
  }
  refuse(result);
  check(vkBindBufferMemory(device_, made.buffer_, made.memory_, 0), "binding memory");
  if (place != Place::device) {
    void* mapped = nullptr;
    check(vkMapMemory(device_, made.memory_, 0, VK_WHOLE_SIZE, 0, &mapped), "mapping memory");
    made.mapped_ = static_cast<std::byte*>(mapped);
  }
  made.size_ = bytes;
  *this = std::move(made);
}

std::optional<Buffer> Buffer::import(const Context& context, std::span<const std::byte> pages) {
  const VkDevice device = context.device();
  auto* const pointer = const_cast<std::byte*>(pages.data());  // Vulkan knows no other kind
  constexpr auto kType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  const auto properties_of = reinterpret_cast<PFN_vkGetMemoryHostPointerPropertiesEXT>(
      vkGetDeviceProcAddr(device, "vkGetMemoryHostPointerPropertiesEXT"));
  auto properties = structure<VkMemoryHostPointerPropertiesEXT>(
      VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT);
  if (properties_of == nullptr ||
      properties_of(device, kType, pointer, &properties) != VK_SUCCESS) {
    return std::nullopt;
  }
  Buffer out;
  out.device_ = device;
  auto external = structure<VkExternalMemoryBufferCreateInfo>(
      VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
  external.handleTypes = kType;
  VkBufferCreateInfo info = buffer_info(pages.size());
  info.pNext = &external;
  if (vkCreateBuffer(device, &info, nullptr, &out.buffer_) != VK_SUCCESS) return std::nullopt;
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device, out.buffer_, &needs);
  const auto type = context.memory_type(needs.memoryTypeBits & properties.memoryTypeBits, 0);
  if (!type || needs.size > pages.size()) return std::nullopt;
  auto import = structure<VkImportMemoryHostPointerInfoEXT>(
      VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT);
  import.handleType = kType;
  import.pHostPointer = pointer;
  auto allocation =
      structure<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &import);
  allocation.allocationSize = pages.size();
  allocation.memoryTypeIndex = *type;
  if (vkAllocateMemory(device, &allocation, nullptr, &out.memory_) != VK_SUCCESS ||
      vkBindBufferMemory(device, out.buffer_, out.memory_, 0) != VK_SUCCESS) {
    return std::nullopt;
  }
  out.size_ = pages.size();
  return out;
}

Buffer::~Buffer() {
  if (buffer_ != VK_NULL_HANDLE) vkDestroyBuffer(device_, buffer_, nullptr);
  if (memory_ != VK_NULL_HANDLE) vkFreeMemory(device_, memory_, nullptr);
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(buffer_, other.buffer_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

}  // namespace ceiling::vulkan
