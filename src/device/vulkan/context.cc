#include "device/vulkan/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "device/vulkan/check.h"
#include "device/vulkan/cooperative.h"
#include "device/vulkan/import_trial.h"
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

void keep_forever(std::shared_ptr<const void> used) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<std::shared_ptr<const void>>;  // outlives all statics
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(used));
}

Context::Context(const VulkanOptions& options)
    : instance_(options.validate),
      listed_(choose(instance_, options.number)),
      detected_(detect(instance_, listed_.device)) {
  if (options.binding_bytes != 0) {
    detected_.limits.binding_bytes =
        std::min(detected_.limits.binding_bytes, options.binding_bytes);
  }
  vkGetPhysicalDeviceMemoryProperties(listed_.device, &memory_);
}

std::shared_ptr<const Context> Context::open(const VulkanOptions& options) {
  const std::shared_ptr<Context> out(new Context(options));
  out->make_device();
  if (out->may_import(options)) out->try_imports();
  const Detected& detected = out->detected_;
  out->features_ =
      options.features ? *options.features : active_features(detected.offered, detected.preferred);
  out->patience_ = options.patience;
  out->grace_ = options.grace;
  return out;
}

// Across a link, reading each weight at each step is never worth it: imports are tried only where
// asked for.
bool Context::may_import(const VulkanOptions& options) {
  const bool asked = options.features ? options.features->host_import : names_host_import();
  if (unit().host_memory || asked) return true;
  no_own_pages_ = no_file_pages_ = "not tried";
  detected_.preferred.host_import = false;
  return false;
}

// Drivers that cannot use a page may say so when it is imported, or lose the device when it is
// read. NVIDIA's gives nothing more of the device's own memory once it has refused a page: such a
// device is opened again.
void Context::try_imports() {
  Features& offered = detected_.offered;
  const auto try_one = [this](bool& offers, std::string& obstacle, auto trial) {
    obstacle = trial(*this);
    offers = obstacle.empty();
    if (hung_) check(VK_TIMEOUT, "a trial of imports");
    if (offers) return;
    destroy_device();
    make_device();
  };
  if (!offered.host_import) {
    no_own_pages_ = "the driver does not offer it";
    return;
  }
  try_one(offered.host_import, no_own_pages_, try_own_pages);
  if (offered.host_import) try_one(offered.file_pages, no_file_pages_, try_file_pages);
  detected_.preferred.host_import = offered.host_import && unit().host_memory;
  detected_.preferred.file_pages = offered.file_pages && unit().host_memory;
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
  auto float16 = structure<VkPhysicalDeviceShaderFloat16Int8Features>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES);
  float16.shaderFloat16 = VK_TRUE;
  CooperativeFeatures matrices;
  matrices.cooperative = VK_TRUE;
  matrices.next = &float16;
  auto info = structure<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  if (detected_.offered.int8_dot) info.pNext = &dot;
  if (detected_.offered.cooperative) {
    float16.pNext = const_cast<void*>(info.pNext);
    info.pNext = &matrices;
  }
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

// Never of a hung device: run() has made it immortal.
Context::~Context() { destroy_device(); }

void Context::destroy_device() {
  if (device_ == VK_NULL_HANDLE) return;
  vkDeviceWaitIdle(device_);
  vkDestroyFence(device_, std::exchange(done_, VK_NULL_HANDLE), nullptr);
  vkDestroyCommandPool(device_, std::exchange(commands_, VK_NULL_HANDLE), nullptr);
  vkDestroyDevice(std::exchange(device_, VK_NULL_HANDLE), nullptr);
  lost_ = false;
}

WeightPages Context::weight_pages() const {
  if (!features_.host_import) return WeightPages::copied;
  return features_.file_pages ? WeightPages::file : WeightPages::own;
}

std::string Context::description() const {
  const auto reason = [](const std::string& obstacle) {
    return obstacle.empty() ? "not among the features in use" : obstacle;
  };
  std::string weights;
  switch (weight_pages()) {
    case WeightPages::file:
      weights = "weights read where the file is mapped";
      break;
    case WeightPages::own:
      weights = fmt::format("weights read in memory of this process (pages of a file: {})",
                            reason(no_file_pages_));
      break;
    case WeightPages::copied:
      weights = unit().host_memory
                    ? fmt::format("weights copied (import: {})", reason(no_own_pages_))
                    : "weights copied to its own memory";
      break;
  }
  if (weight_pages() != WeightPages::copied && !unit().host_memory) weights += ", over the link";
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
  if (hung_) return;
  vkFreeCommandBuffers(device_, commands_, 1, &commands);
}

VkResult Context::wait(Seconds most) const {
  const auto nanoseconds = static_cast<std::uint64_t>(most.value * 1e9);
  return vkWaitForFences(device_, 1, &done_, VK_TRUE, nanoseconds);
}

void Context::run(VkCommandBuffer commands) const {
  if (hung_) check(VK_TIMEOUT, "running a step");
  auto info = structure<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  check(vkResetFences(device_, 1, &done_), "starting a step");
  VkResult result = vkQueueSubmit(queue_, 1, &info, done_);
  if (result == VK_SUCCESS) result = wait(patience_);
  if (result == VK_TIMEOUT) {
    // What runs still uses the buffers of those who will catch this. It may end in time for them to
    // go; else they never do, for a wait without an end would be no better than the hang.
    const VkResult later = wait(grace_);
    hung_ = later == VK_TIMEOUT;
    if (hung_) keep_forever(shared_from_this());
    if (later == VK_ERROR_DEVICE_LOST) result = later;
  }
  lost_ = result == VK_ERROR_DEVICE_LOST;
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
