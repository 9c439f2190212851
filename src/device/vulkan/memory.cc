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
    : context_(&context), size_(bytes) {
  if (bytes == 0) return;
  const VkDevice device = context.device();
  const auto refuse = [&](VkResult result) {
    if (result == VK_SUCCESS) return;
    if (result == VK_ERROR_DEVICE_LOST) check(result, purpose);
    fail(ExitCode::failed,
         "vulkan: the device does not give {} for {} ({} in one piece at most): ask for a smaller "
         "context (-c), leave part of the model to the CPU (--device-memory), end other programs, "
         "or use --device cpu",
         format_capacity({bytes}), purpose, format_capacity({context.limits().allocation_bytes}));
  };
  if (bytes > context.limits().allocation_bytes) refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY);
  const VkBufferCreateInfo info = buffer_info(bytes);
  Buffer made;  // let go if something here throws
  made.context_ = &context;
  refuse(vkCreateBuffer(device, &info, nullptr, &made.buffer_));
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device, made.buffer_, &needs);
  auto allocation = structure<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
  allocation.allocationSize = needs.size;
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  for (const VkMemoryPropertyFlags flags : wishes(place)) {
    const auto type = context.memory_type(needs.memoryTypeBits, flags);
    if (!type) continue;
    allocation.memoryTypeIndex = *type;
    result = vkAllocateMemory(device, &allocation, nullptr, &made.memory_);
    if (result == VK_SUCCESS) break;
  }
  refuse(result);
  check(vkBindBufferMemory(device, made.buffer_, made.memory_, 0), "binding memory");
  if (place != Place::device) {
    void* mapped = nullptr;
    check(vkMapMemory(device, made.memory_, 0, VK_WHOLE_SIZE, 0, &mapped), "mapping memory");
    made.mapped_ = static_cast<std::byte*>(mapped);
  }
  made.size_ = bytes;
  *this = std::move(made);
}

Import Buffer::import(const Context& context, std::span<const std::byte> pages) {
  const VkDevice device = context.device();
  auto* const pointer = const_cast<std::byte*>(pages.data());  // Vulkan knows no other kind
  constexpr auto kType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  const auto properties_of = reinterpret_cast<PFN_vkGetMemoryHostPointerPropertiesEXT>(
      vkGetDeviceProcAddr(device, "vkGetMemoryHostPointerPropertiesEXT"));
  auto properties = structure<VkMemoryHostPointerPropertiesEXT>(
      VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT);
  const auto refused = [](VkResult result) { return Import{std::nullopt, describe(result)}; };
  VkResult result = properties_of == nullptr ? VK_ERROR_EXTENSION_NOT_PRESENT
                                             : properties_of(device, kType, pointer, &properties);
  if (result != VK_SUCCESS) return refused(result);
  Buffer out;
  out.context_ = &context;
  auto external = structure<VkExternalMemoryBufferCreateInfo>(
      VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
  external.handleTypes = kType;
  VkBufferCreateInfo info = buffer_info(pages.size());
  info.pNext = &external;
  result = vkCreateBuffer(device, &info, nullptr, &out.buffer_);
  if (result != VK_SUCCESS) return refused(result);
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device, out.buffer_, &needs);
  const auto type = context.memory_type(needs.memoryTypeBits & properties.memoryTypeBits, 0);
  if (!type || needs.size > pages.size()) {
    return {std::nullopt, "the driver has no kind of memory for them"};
  }
  auto import = structure<VkImportMemoryHostPointerInfoEXT>(
      VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT);
  import.handleType = kType;
  import.pHostPointer = pointer;
  auto allocation =
      structure<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &import);
  allocation.allocationSize = pages.size();
  allocation.memoryTypeIndex = *type;
  result = vkAllocateMemory(device, &allocation, nullptr, &out.memory_);
  if (result == VK_SUCCESS) result = vkBindBufferMemory(device, out.buffer_, out.memory_, 0);
  if (result != VK_SUCCESS) return refused(result);
  out.size_ = pages.size();
  return {std::move(out), ""};
}

void show_host(VkCommandBuffer commands) {
  auto memory = structure<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  memory.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  memory.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                       &memory, 0, nullptr, 0, nullptr);
}

Buffer::~Buffer() {
  if (context_ == nullptr || context_->hung()) return;
  if (buffer_ != VK_NULL_HANDLE) vkDestroyBuffer(context_->device(), buffer_, nullptr);
  if (memory_ != VK_NULL_HANDLE) vkFreeMemory(context_->device(), memory_, nullptr);
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(buffer_, other.buffer_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

}  // namespace ceiling::vulkan
