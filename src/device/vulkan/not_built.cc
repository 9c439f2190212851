// In place of the device where CMake found no Vulkan headers, loader or GLSL compiler.
#include "base/error.h"
#include "device/vulkan/vulkan_device.h"

namespace ceiling::vulkan {
namespace {

[[noreturn]] void not_there() {
  fail(ExitCode::failed,
       "this build has no Vulkan device: install libvulkan-dev and glslang-tools (Debian's names) "
       "and build again, or use --device cpu");
}

}  // namespace

bool built() { return false; }
std::vector<Unit> units() { not_there(); }
std::unique_ptr<Device> make_vulkan_device(const VulkanOptions&) { not_there(); }
Features offered_features(const VulkanOptions&) { not_there(); }
Reach reach(const VulkanOptions&) { not_there(); }
std::uint64_t workspace_bytes(const Program&, const CompileOptions&) { not_there(); }
std::vector<std::string> validation_messages() { return {}; }

}  // namespace ceiling::vulkan
