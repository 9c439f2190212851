#include "device/vulkan/instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "device/vulkan/check.h"
#include "device/vulkan/structure.h"

namespace ceiling::vulkan {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";
constexpr std::uint32_t kCooperativeVersion = VK_MAKE_API_VERSION(0, 1, 3, 255);

std::mutex messages_mutex;
std::vector<std::string>& messages() {
  static std::vector<std::string> all;
  return all;
}

VKAPI_ATTR VkBool32 VKAPI_CALL keep_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                            VkDebugUtilsMessageTypeFlagsEXT,
                                            const VkDebugUtilsMessengerCallbackDataEXT* data,
                                            void*) {
  const std::lock_guard lock(messages_mutex);
  messages().emplace_back(data->pMessage);
  return VK_FALSE;
}

VkDebugUtilsMessengerCreateInfoEXT messenger_info() {
  auto info = structure<VkDebugUtilsMessengerCreateInfoEXT>(
      VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
  info.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  info.pfnUserCallback = keep_message;
  return info;
}

bool has_extension(const char* name) {
  std::uint32_t count = 0;
  vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  vkEnumerateInstanceExtensionProperties(nullptr, &count, all.data());
  return std::ranges::any_of(
      all, [&](const auto& extension) { return std::strcmp(extension.extensionName, name) == 0; });
}

// The version of Vulkan that the validation layer was written for; 0: there is none.
std::uint32_t layer_version() {
  std::uint32_t count = 0;
  vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> all(count);
  vkEnumerateInstanceLayerProperties(&count, all.data());
  for (const VkLayerProperties& layer : all) {
    if (std::strcmp(layer.layerName, kValidationLayer) == 0) return layer.specVersion;
  }
  return 0;
}

UnitKind kind_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return UnitKind::discrete;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return UnitKind::integrated;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return UnitKind::virtual_gpu;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return UnitKind::processor;
    default:
      return UnitKind::other;
  }
}

Unit describe(VkPhysicalDevice device, const VkPhysicalDeviceProperties2& properties,
              const VkPhysicalDeviceDriverProperties& driver) {
  Unit unit;
  unit.name = properties.properties.deviceName;
  unit.driver = fmt::format("{}, {}", driver.driverName, driver.driverInfo);
  unit.kind = kind_of(properties.properties.deviceType);
  VkPhysicalDeviceMemoryProperties memory;
  vkGetPhysicalDeviceMemoryProperties(device, &memory);
  bool all_local = true;
  for (std::uint32_t i = 0; i < memory.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = memory.memoryHeaps[i];
    const bool local = (heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0;
    all_local = all_local && local;
    if (local) unit.memory.value = std::max<std::uint64_t>(unit.memory.value, heap.size);
  }
  // A discrete GPU's memory is its own, whatever its heaps are called.
  unit.host_memory = unit.kind == UnitKind::integrated || unit.kind == UnitKind::processor ||
                     (unit.kind != UnitKind::discrete && all_local);
  return unit;
}

}  // namespace

std::vector<std::string> validation_messages() {
  const std::lock_guard lock(messages_mutex);
  return messages();
}

Instance::Instance(bool validate) {
  auto application = structure<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pApplicationName = "ceiling";
  application.apiVersion = VK_API_VERSION_1_2;
  auto info = structure<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.pApplicationInfo = &application;
  std::vector<const char*> extensions;
  if (has_extension(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {  // MoltenVK is listed by it
    extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
    info.flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  }
  const VkDebugUtilsMessengerCreateInfoEXT messenger = messenger_info();
  if (validate) {
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &kValidationLayer;
    info.pNext = &messenger;
    takes_cooperative_ = layer_version() >= kCooperativeVersion;
  }
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  check(vkCreateInstance(&info, nullptr, &instance_), "starting Vulkan");
  if (!validate) return;
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      vkGetInstanceProcAddr(instance_, "vkCreateDebugUtilsMessengerEXT"));
  check(create(instance_, &messenger, nullptr, &messenger_), "starting the validation layer");
}

Instance::~Instance() {
  if (messenger_ != VK_NULL_HANDLE) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance_, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(instance_, messenger_, nullptr);
  }
  if (instance_ != VK_NULL_HANDLE) vkDestroyInstance(instance_, nullptr);
}

std::vector<Instance::Listed> Instance::list() const {
  std::uint32_t count = 0;
  check(vkEnumeratePhysicalDevices(instance_, &count, nullptr), "listing devices");
  std::vector<VkPhysicalDevice> devices(count);
  if (count > 0)
    check(vkEnumeratePhysicalDevices(instance_, &count, devices.data()), "listing devices");
  std::vector<Listed> out;
  for (const VkPhysicalDevice device : devices) {
    auto driver = structure<VkPhysicalDeviceDriverProperties>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
    auto properties = structure<VkPhysicalDeviceProperties2>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &driver);
    vkGetPhysicalDeviceProperties2(device, &properties);
    if (properties.properties.apiVersion < VK_API_VERSION_1_2) continue;
    out.push_back({device, describe(device, properties, driver)});
  }
  std::ranges::stable_sort(out, {}, [](const Listed& listed) { return listed.unit.kind; });
  for (std::uint32_t i = 0; i < out.size(); ++i) out[i].unit.number = i;
  return out;
}

}  // namespace ceiling::vulkan
