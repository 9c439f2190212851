#include "device/vulkan/check.h"

#include <fmt/format.h>

#include <string>

#include "base/error.h"

namespace ceiling::vulkan {
namespace {

std::string_view remedy(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "ask for a smaller context (-c) or a lower --device-memory, or end other programs";
    case VK_ERROR_DEVICE_LOST:
      return "start again; if it comes back, see the system's log, or use --device cpu";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
    case VK_ERROR_INITIALIZATION_FAILED:
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

std::string describe(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "out of device memory";
    case VK_ERROR_DEVICE_LOST:
      return "the device is lost";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "no driver";
    case VK_ERROR_INITIALIZATION_FAILED:
      return "the driver does not start";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "a layer is missing";
    case VK_ERROR_INVALID_EXTERNAL_HANDLE:
      return "the driver refuses these pages";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
      return "an extension is missing";
    case VK_TIMEOUT:
      return "no end in sight";
    default:
      return fmt::format("error {}", static_cast<int>(result));
  }
}

void check(VkResult result, std::string_view doing) {
  if (result == VK_SUCCESS) return;
  fail(ExitCode::failed, "vulkan: {}: {}: {}", doing, describe(result), remedy(result));
}

}  // namespace ceiling::vulkan
