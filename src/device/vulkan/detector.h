// The one place that asks a device what it can do.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <string>
#include <vector>

#include "device/vulkan/features.h"

namespace ceiling::vulkan {

class Context;

struct Limits {
  std::uint64_t binding_bytes = 0;      // most of a buffer that a shader sees through one binding
  std::uint64_t binding_alignment = 1;  // of where in a buffer that begins
  std::uint64_t allocation_bytes = 0;   // most in one piece
  std::uint64_t import_granule = 0;     // host pages are imported in whole ones of these
  double seconds_per_tick = 0;          // of the device's clock
  std::uint64_t tick_mask = 0;          // the bits of it that count
  bool int8_dot_is_fast = false;        // its own instruction, not several
};

struct Detected {
  Features offered;    // but for file_pages, which a trial finds out
  Features preferred;  // of these, what is worth using
  Limits limits;
  std::uint32_t queue_family = 0;
  std::vector<const char*> extensions;  // to enable for what is offered
  std::string identity;  // of device and driver: what a compiled pipeline is good for
};

// Throws Error(failed): no queue that computes, or fewer bindings than shaders here need.
Detected detect(VkPhysicalDevice device);

// Imports a page of a file that is mapped read-only.
bool takes_file_pages(const Context& context);

}  // namespace ceiling::vulkan
