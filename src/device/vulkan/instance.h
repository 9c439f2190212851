// The Vulkan loader as this process uses it: the devices it lists, what the validation layer says.
#pragma once

#include <vulkan/vulkan.h>

#include <memory>
#include <string>
#include <vector>

#include "device/vulkan/vulkan_device.h"

namespace ceiling::vulkan {

class Instance {
 public:
  // Throws Error(failed): no driver; `validate` and no validation layer.
  explicit Instance(bool validate);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  struct Listed {
    VkPhysicalDevice device = VK_NULL_HANDLE;
    Unit unit;
  };
  VkInstance handle() const { return instance_; }
  // False: a validation layer watches that is older than cooperative matrices, and would object.
  bool takes_cooperative() const { return takes_cooperative_; }
  std::vector<Listed> list() const;  // of Vulkan 1.2 and up, in order of preference

 private:
  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  bool takes_cooperative_ = true;
};

}  // namespace ceiling::vulkan
