#include "device/vulkan/detector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "device/vulkan/cooperative.h"
#include "device/vulkan/instance.h"
#include "device/vulkan/pipelines.h"
#include "device/vulkan/structure.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kCooperativeShared = 49152;  // bytes that matmul_cooperative.comp shares
constexpr const char* kPortabilitySubset = "VK_KHR_portability_subset";

std::vector<VkExtensionProperties> extensions_of(VkPhysicalDevice device) {
  std::uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, all.data());
  return all;
}

struct Family {
  std::uint32_t number = 0;
  std::uint32_t clock_bits = 0;  // 0: it has no clock
};

// One that does not draw, if there is one: NVIDIA's starts work beside other work sooner there.
Family compute_family(VkPhysicalDevice device) {
  std::uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  for (const VkQueueFlags unwanted : {VkQueueFlags{VK_QUEUE_GRAPHICS_BIT}, VkQueueFlags{0}}) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const VkQueueFlags flags = families[i].queueFlags;
      if ((flags & VK_QUEUE_COMPUTE_BIT) == 0 || (flags & unwanted) != 0) continue;
      return {i, families[i].timestampValidBits};
    }
  }
  fail(ExitCode::failed, "vulkan: the device has no queue that computes: use --device cpu");
}

}  // namespace

std::vector<std::string_view> known_extensions() {
  return {VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME,
          VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, kPortabilitySubset};
}

void check_limits(const VkPhysicalDeviceLimits& limits) {
  const std::uint32_t there = limits.maxPerStageDescriptorStorageBuffers;
  if (there >= kMostBindings) return;
  fail(ExitCode::failed,
       "vulkan: the device binds {} buffers to a shader, {} are needed: use --device cpu", there,
       kMostBindings);
}

Detected detect(const Instance& instance, VkPhysicalDevice device) {
  const auto extensions = extensions_of(device);
  const auto has = [&](const char* name) {
    return std::ranges::any_of(
        extensions, [&](const auto& one) { return std::strcmp(one.extensionName, name) == 0; });
  };
  Detected out;
  Features& offered = out.offered;
  const Family family = compute_family(device);
  out.queue_family = family.number;
  offered.timestamps = family.clock_bits > 0;

  auto dot = structure<VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR);
  auto features =
      structure<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  auto dot_speed = structure<VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES_KHR);
  auto import = structure<VkPhysicalDeviceExternalMemoryHostPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT);
  auto allocation = structure<VkPhysicalDeviceMaintenance3Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
  auto subgroup = structure<VkPhysicalDeviceSubgroupProperties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, &allocation);
  auto properties = structure<VkPhysicalDeviceProperties2>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &subgroup);
  const bool may_dot = has(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  offered.host_import = has(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  if (may_dot) {
    features.pNext = &dot;
    dot_speed.pNext = properties.pNext;
    properties.pNext = &dot_speed;
    out.extensions.push_back(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  }
  if (offered.host_import) {
    import.pNext = properties.pNext;
    properties.pNext = &import;
    out.extensions.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  }
  auto builtins = structure<VkPhysicalDeviceShaderSMBuiltinsPropertiesNV>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV);
  if (has(VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME)) {
    builtins.pNext = properties.pNext;
    properties.pNext = &builtins;
  }
  if (has(kPortabilitySubset)) out.extensions.push_back(kPortabilitySubset);
  auto float16 = structure<VkPhysicalDeviceShaderFloat16Int8Features>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES, features.pNext);
  features.pNext = &float16;
  CooperativeFeatures matrices;
  const bool may_cooperate = has(kCooperativeMatrix) && instance.takes_cooperative();
  if (may_cooperate) {
    matrices.next = features.pNext;
    features.pNext = &matrices;
  }
  vkGetPhysicalDeviceFeatures2(device, &features);
  vkGetPhysicalDeviceProperties2(device, &properties);

  const VkPhysicalDeviceLimits& limits = properties.properties.limits;
  check_limits(limits);
  offered.int8_dot = may_dot && dot.shaderIntegerDotProduct == VK_TRUE;
  offered.subgroups = (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) != 0 &&
                      (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
  offered.cooperative = may_cooperate && matrices.cooperative == VK_TRUE &&
                        float16.shaderFloat16 == VK_TRUE && subgroup.subgroupSize == 32 &&
                        limits.maxComputeSharedMemorySize >= kCooperativeShared &&
                        multiplies_halves(instance.handle(), device);
  if (offered.cooperative) out.extensions.push_back(kCooperativeMatrix);
  out.limits = {
      .binding_bytes = limits.maxStorageBufferRange,
      .binding_alignment = limits.minStorageBufferOffsetAlignment,
      .allocation_bytes = allocation.maxMemoryAllocationSize,
      .import_granule = offered.host_import ? import.minImportedHostPointerAlignment : 0,
      .seconds_per_tick = 1e-9 * double{limits.timestampPeriod},
      .tick_mask =
          family.clock_bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << family.clock_bits) - 1,
      .workgroup =
          std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]),
      .shared_bytes = limits.maxComputeSharedMemorySize,
      .subgroup = subgroup.subgroupSize,
      .multiprocessors = builtins.shaderSMCount,
      .int8_dot_is_fast = dot_speed.integerDotProduct4x8BitPackedSignedAccelerated == VK_TRUE};
  out.preferred = offered;
  out.preferred.int8_dot = offered.int8_dot && out.limits.int8_dot_is_fast;
  out.identity = fmt::format("{:04x}-{:04x}-{:x}", properties.properties.vendorID,
                             properties.properties.deviceID, properties.properties.driverVersion);
  for (const std::uint8_t byte : properties.properties.pipelineCacheUUID) {
    out.identity += fmt::format("{:02x}", byte);
  }
  return out;
}

}  // namespace ceiling::vulkan
