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

// Where shaders read weights.
enum class WeightPages : std::uint8_t {
  file,    // in place: the mapped file
  own,     // in place: memory of this process, into which the file is read once
  copied,  // a copy that the driver allocates
};

// For the rest of the process: what a device that hangs may still read or write.
void keep_forever(std::shared_ptr<const void> used);

class Context : public std::enable_shared_from_this<Context> {
 public:
  static std::shared_ptr<const Context> open(const VulkanOptions& options);  // make_vulkan_device
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
  WeightPages weight_pages() const;
  std::string description() const;

  // The first memory type of `allowed` (a bit a type) with all of `flags`.
  std::optional<std::uint32_t> memory_type(std::uint32_t allowed,
                                           VkMemoryPropertyFlags flags) const;

  VkCommandBuffer make_commands() const;
  void free_commands(VkCommandBuffer commands) const;
  // Starts recorded commands and waits for their end. Throws Error(failed): the device is lost, or
  // has not ended after VulkanOptions::patience.
  void run(VkCommandBuffer commands) const;
  bool lost() const { return lost_; }
  // What was started may never end. Nothing that it could use may be let go of: owners of such
  // things ask here first.
  bool hung() const { return hung_; }
  // Records commands, runs them and forgets them.
  void run_once(const std::function<void(VkCommandBuffer)>& record) const;

 private:
  explicit Context(const VulkanOptions& options);
  void make_device();
  void destroy_device();
  bool may_import(const VulkanOptions& options);
  void try_imports();
  VkResult wait(Seconds most) const;

  Instance instance_;
  Instance::Listed listed_;
  Detected detected_;
  Features features_;
  std::string no_own_pages_, no_file_pages_;  // why; empty: they can be imported
  Seconds patience_{10}, grace_{10};          // of trials; then as asked
  mutable bool lost_ = false, hung_ = false;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool commands_ = VK_NULL_HANDLE;
  VkFence done_ = VK_NULL_HANDLE;
  VkPhysicalDeviceMemoryProperties memory_{};
};

}  // namespace ceiling::vulkan
