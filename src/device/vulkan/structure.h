// Vulkan's structures name their own type; the rest of them begins as zero.
#pragma once

#include <vulkan/vulkan.h>

namespace ceiling::vulkan {

template <typename T>
T structure(VkStructureType type, void* next = nullptr) {
  T out{};
  out.sType = type;
  out.pNext = next;
  return out;
}

}  // namespace ceiling::vulkan
