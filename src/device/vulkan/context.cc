#include "device/vulkan/context.h"

#include <fmt/format.h>

#include "base/error.h"
#include "device/vulkan/check.h"
#include "device/vulkan/structure.h"

namespace ceiling::vulkan {
namespace {

Instance::Listed choose(const Instance& instance, std::uint32_t number) {
  const auto all = instance.list();
  if (all.empty()) check(VK_ERROR_INCOMPATIBLE_DRIVER, "looking for a device of Vulkan 1.2");
  if (number >= all.size()) {
    fail(ExitCode::failed, "vulkan: there is no device {}: there are {}, numbered from 0", number,
         all.size());
  }
  return all[number];
}

}  // namespace

Context::Context(const VulkanOptions& options)
    : instance_(options.validate),
      listed_(choose(instance_, options.number)),
      detected_(detect(listed_.device)),
      patience_(options.patience) {
  vkGetPhysicalDeviceMemoryProperties(listed_.device, &memory_);
  make_device();
  if (detected_.offered.host_import) {
    detected_.offered.file_pages = takes_file_pages(*this);
    detected_.preferred.file_pages = detected_.offered.file_pages;
  }
  features_ = options.features ? *options.features
                               : active_features(detected_.offered, detected_.preferred);
}

void Context::make_device() {
  const float priority = 1.0F;
  auto queue = structure<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue.queueFamilyIndex = detected_.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  auto dot = structure<VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR);
  dot.shaderIntegerDotProduct = VK_TRUE;
  auto info = structure<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  if (detected_.offered.int8_dot) info.pNext = &dot;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<std::uint32_t>(detected_.extensions.size());
  info.ppEnabledExtensionNames = detected_.extensions.data();
  check(vkCreateDevice(listed_.device, &info, nullptr, &device_), "opening the device");
  vkGetDeviceQueue(device_, detected_.queue_family, 0, &queue_);
  auto pool = structure<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  pool.queueFamilyIndex = detected_.queue_family;
  check(vkCreateCommandPool(device_, &pool, nullptr, &commands_), "making commands");
  const auto fence = structure<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
  check(vkCreateFence(device_, &fence, nullptr, &done_), "making a fence");
}

Context::~Context() {
  if (device_ == VK_NULL_HANDLE) return;
  vkDeviceWaitIdle(device_);
  vkDestroyFence(device_, done_, nullptr);
  vkDestroyCommandPool(device_, commands_, nullptr);
  vkDestroyDevice(device_, nullptr);
}

bool Context::reads_host_memory() const {
  return unit().host_memory && features_.host_import && features_.file_pages;
}

std::string Context::description() const {
  const std::string_view weights = reads_host_memory()   ? "weights read where the file is mapped"
                                   : !unit().host_memory ? "weights copied to its own memory"
                                   : !features_.host_import
                                       ? "weights copied: host pages cannot be imported"
                                       : "weights copied: the driver takes no pages of a file";
  return fmt::format("{}, {}, {}", unit().name, unit().driver, weights);
}

std::optional<std::uint32_t> Context::memory_type(std::uint32_t allowed,
                                                  VkMemoryPropertyFlags flags) const {
  for (std::uint32_t i = 0; i < memory_.memoryTypeCount; ++i) {
    if ((allowed >> i & 1U) == 0) continue;
    if ((memory_.memoryTypes[i].propertyFlags & flags) == flags) return i;
  }
  return std::nullopt;
}

VkCommandBuffer Context::make_commands() const {
  auto info =
      structure<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  info.commandPool = commands_;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  VkCommandBuffer out = VK_NULL_HANDLE;
  check(vkAllocateCommandBuffers(device_, &info, &out), "making commands");
  return out;
}

void Context::free_commands(VkCommandBuffer commands) const {
  vkFreeCommandBuffers(device_, commands_, 1, &commands);
}

void Context::run(VkCommandBuffer commands) const {
  auto info = structure<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  check(vkResetFences(device_, 1, &done_), "starting a step");
  check(vkQueueSubmit(queue_, 1, &info, done_), "starting a step");
  const auto nanoseconds = static_cast<std::uint64_t>(patience_.value * 1e9);
  const VkResult result = vkWaitForFences(device_, 1, &done_, VK_TRUE, nanoseconds);
  // What runs still uses the buffers of those who will catch this: they must not go before it ends.
  if (result == VK_TIMEOUT) vkDeviceWaitIdle(device_);
  check(result, "running a step");
}

void Context::run_once(const std::function<void(VkCommandBuffer)>& record) const {
  const VkCommandBuffer commands = make_commands();
  const std::unique_ptr<VkCommandBuffer_T, std::function<void(VkCommandBuffer)>> freed(
      commands, [this](VkCommandBuffer made) { free_commands(made); });
  auto begin = structure<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check(vkBeginCommandBuffer(commands, &begin), "recording commands");
  record(commands);
  check(vkEndCommandBuffer(commands), "recording commands");
  run(commands);
}

}  // namespace ceiling::vulkan
