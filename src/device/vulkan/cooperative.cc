#include "device/vulkan/cooperative.h"

#include <algorithm>
#include <vector>

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kFloat16 = 0, kFloat32 = 1;  // of VkComponentTypeKHR
constexpr std::uint32_t kSubgroup = 3;               // of VkScopeKHR
constexpr std::uint32_t kSide = 16;

struct Properties {  // VkCooperativeMatrixPropertiesKHR
  VkStructureType type = static_cast<VkStructureType>(1000506001);
  void* next = nullptr;
  std::uint32_t m = 0, n = 0, k = 0;
  std::uint32_t a = 0, b = 0, c = 0, result = 0;  // component types
  VkBool32 saturating = VK_FALSE;
  std::uint32_t scope = 0;
};
using List = VkResult(VKAPI_PTR*)(VkPhysicalDevice, std::uint32_t*, Properties*);

}  // namespace

bool multiplies_halves(VkInstance instance, VkPhysicalDevice device) {
  const auto list = reinterpret_cast<List>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  std::uint32_t count = 0;
  if (list == nullptr || list(device, &count, nullptr) != VK_SUCCESS) return false;
  std::vector<Properties> all(count);
  if (list(device, &count, all.data()) != VK_SUCCESS) return false;
  return std::ranges::any_of(all, [](const Properties& one) {
    return one.m == kSide && one.n == kSide && one.k == kSide && one.a == kFloat16 &&
           one.b == kFloat16 && one.c == kFloat32 && one.result == kFloat32 &&
           one.scope == kSubgroup;
  });
}

}  // namespace ceiling::vulkan
