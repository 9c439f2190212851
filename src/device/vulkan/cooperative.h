// VK_KHR_cooperative_matrix as far as it is used here: headers of 2022, which Debian 12 has, do not
// know it. Names and numbers are the specification's.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>

namespace ceiling::vulkan {

inline constexpr const char* kCooperativeMatrix = "VK_KHR_cooperative_matrix";

struct CooperativeFeatures {  // VkPhysicalDeviceCooperativeMatrixFeaturesKHR
  VkStructureType type = static_cast<VkStructureType>(1000506000);
  void* next = nullptr;
  VkBool32 cooperative = VK_FALSE;
  VkBool32 robust = VK_FALSE;
};

// Whether subgroups multiply 16 x 16 matrices of float16 into float32.
bool multiplies_halves(VkInstance instance, VkPhysicalDevice device);

}  // namespace ceiling::vulkan
