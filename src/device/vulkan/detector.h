// The one place that asks a device what it can do.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "device/vulkan/features.h"

namespace ceiling::vulkan {

class Instance;

struct Limits {
  std::uint64_t binding_bytes = 0;      // most of a buffer that a shader sees through one binding
  std::uint64_t binding_alignment = 1;  // of where in a buffer that begins
  std::uint64_t allocation_bytes = 0;   // most in one piece
  std::uint64_t import_granule = 0;     // host pages are imported in whole ones of these
  double seconds_per_tick = 0;          // of the device's clock
  std::uint64_t tick_mask = 0;          // the bits of it that count
  std::uint32_t workgroup = 0;          // invocations of one at most
  std::uint32_t shared_bytes = 0;       // of one
  std::uint32_t subgroup = 0;           // invocations
  std::uint32_t multiprocessors = 0;    // that run workgroups beside each other; 0: not told
  bool int8_dot_is_fast = false;        // its own instruction, not several
};

struct Detected {
  Features offered;    // imports as the driver says, which a trial has yet to show (import_trial.h)
  Features preferred;  // of these, what is worth using
  Limits limits;
  std::uint32_t queue_family = 0;
  std::vector<const char*> extensions;  // to enable for what is offered
  std::string identity;  // of device and driver: what a compiled pipeline is good for
};

// Throws Error(failed): no queue that computes, or less than shaders here need (check_limits).
Detected detect(const Instance& instance, VkPhysicalDevice device);

// All that is needed beside core 1.2; what features.h lists is not. Throws Error(failed) with what
// there is too little of.
void check_limits(const VkPhysicalDeviceLimits& limits);

// Extensions that are enabled where they are offered, for those features and by the rules of
// portability drivers; those of GPUs that such drivers do not serve (cooperative.h) apart.
std::vector<std::string_view> known_extensions();

}  // namespace ceiling::vulkan
