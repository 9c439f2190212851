// What a Vulkan device can do beside core 1.2, found out once and here. Nothing of it is needed:
// for each feature there is a way without it, and CEILING_VULKAN picks the set to use, as
// CEILING_ISA does for the CPU.
#pragma once

#include <string>

namespace ceiling::vulkan {

struct Features {
  bool host_import = false;  // VK_EXT_external_memory_host: host pages become a buffer, in place
  bool file_pages = false;  // ... also read-only pages of a mapped file; without: the process's own
  bool subgroups = false;   // sums across a subgroup; without: through shared memory
  bool int8_dot = false;    // four int8 products an instruction; without: float32
  bool cooperative = false;  // VK_KHR_cooperative_matrix: float16 matrices of a subgroup; without:
                             // prompts in float32
  bool timestamps = false;   // the device's clock; without: a profile is one entry
  bool operator==(const Features&) const = default;
};

std::string describe(const Features& features);  // "host_import, subgroups"; "none"

// CEILING_VULKAN does.
bool names_host_import();

// `offered`, or those of it that CEILING_VULKAN names ("subgroups,host_import", or "none").
// `preferred` is what runs where it names none. Throws Error(usage): a name that is unknown or not
// offered.
Features active_features(const Features& offered, const Features& preferred);

}  // namespace ceiling::vulkan
