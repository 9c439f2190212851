#include "device/vulkan/check.h"

#include <fmt/format.h>

#include <string>

#include "base/error.h"

namespace ceiling::vulkan {
namespace {

std::string name_of(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "out of device memory";
    case VK_ERROR_DEVICE_LOST:
      return "the device is lost";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "no driver";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "a layer is missing";
    case VK_ERROR_INVALID_EXTERNAL_HANDLE:
      return "the driver refuses these pages";
    case VK_TIMEOUT:
      return "no end in sight";
    default:
      return fmt::format("error {}", static_cast<int>(result));
  }
}

std::string_view remedy(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "ask for a smaller context (-c) or a lower --device-memory, or end other programs";
    case VK_ERROR_DEVICE_LOST:
      return "start again, and see the system's log if it comes back";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "install a driver (mesa-vulkan-drivers, or the vendor's; NVIDIA's also needs libx11-6 "
             "and libxext6), or use --device cpu";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "install vulkan-validationlayers";
    case VK_TIMEOUT:
      return "the device hangs, or is too slow for this model: use --device cpu";
    default:
      return "start again; if it comes back, report it with the output of vulkaninfo --summary";
  }
}

}  // namespace

void check(VkResult result, std::string_view doing) {
  if (result == VK_SUCCESS) return;
  fail(ExitCode::failed, "vulkan: {}: {}: {}", doing, name_of(result), remedy(result));
}

}  // namespace ceiling::vulkan
