// What Vulkan reports, as errors for people.
#pragma once

#include <vulkan/vulkan.h>

#include <string>
#include <string_view>

namespace ceiling::vulkan {

std::string describe(VkResult result);  // "out of device memory"

// Throws Error(failed) with the cause and the remedy; `doing`: "copying weights".
void check(VkResult result, std::string_view doing);

}  // namespace ceiling::vulkan
