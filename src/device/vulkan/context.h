// One device as its stores and executables share it: the queue on which all of its work goes.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "device/vulkan/detector.h"
#include "device/vulkan/instance.h"
#include "device/vulkan/vulkan_device.h"

namespace ceiling::vulkan {

class Context {
 public:
  explicit Context(const VulkanOptions& options);  // throws as make_vulkan_device
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  VkDevice device() const { return device_; }
  const Unit& unit() const { return listed_.unit; }
  const Limits& limits() const { return detected_.limits; }
  const Features& offered() const { return detected_.offered; }
  const Features& features() const { return features_; }
  const std::string& identity() const { return detected_.identity; }
  std::uint32_t queue_family() const { return detected_.queue_family; }
  bool reads_host_memory() const;  // weights are read where they are mapped
  std::string description() const;

  // The first memory type of `allowed` (a bit a type) with all of `flags`.
  std::optional<std::uint32_t> memory_type(std::uint32_t allowed,
                                           VkMemoryPropertyFlags flags) const;

  VkCommandBuffer make_commands() const;
  void free_commands(VkCommandBuffer commands) const;
  // Starts recorded commands and waits for their end. Throws Error(failed): the device is lost, or
  // has not ended after VulkanOptions::patience.
  void run(VkCommandBuffer commands) const;
  // Records commands, runs them and forgets them.
  void run_once(const std::function<void(VkCommandBuffer)>& record) const;

 private:
  void make_device();

  Instance instance_;
  Instance::Listed listed_;
  Detected detected_;
  Features features_;
  Seconds patience_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool commands_ = VK_NULL_HANDLE;
  VkFence done_ = VK_NULL_HANDLE;
  VkPhysicalDeviceMemoryProperties memory_{};
};

}  // namespace ceiling::vulkan
