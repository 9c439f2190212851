// A GPU through Vulkan 1.2. Where its memory is the host's, weights are read where the file is
// mapped, or in memory of this process where the driver takes no pages of a file (residency
// `shared`); else they are copied to its own memory, once (`copied`). A GPU with memory of its own
// reads the host's only where CEILING_VULKAN asks for it: across a link (`spilled`).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "device/device.h"
#include "device/vulkan/features.h"

namespace ceiling::vulkan {

enum class UnitKind : std::uint8_t { discrete, integrated, virtual_gpu, other, processor };

// A device as Vulkan lists it, in order of preference: discrete first, software on the CPU last.
struct Unit {
  std::uint32_t number = 0;  // in this order
  std::string name;          // "llvmpipe (LLVM 15.0.6, 256 bits)"
  std::string driver;        // "llvmpipe, Mesa 22.3.6 (LLVM 15.0.6)"
  UnitKind kind = UnitKind::other;
  bool host_memory = false;  // its memory is the host's; never of a discrete one
  Bytes memory;  // its largest heap of its own; a unit with host memory: what it may use
};

struct VulkanOptions {
  std::uint32_t number = 0;               // of units()
  std::uint64_t memory_bytes = 0;         // of its memory, for this process; 0: what there is
  std::uint64_t binding_bytes = 0;        // that a shader sees at once; 0: what the device allows
  std::optional<Features> features = {};  // empty: active_features()
  bool validate = false;                  // the validation layer watches; see validation_messages()
  Seconds patience{600};                  // for one step, until it is given up
  Seconds grace{10};                      // more, until it counts as hung for good
};

// False where the build had no Vulkan headers, loader or GLSL compiler.
bool built();

// Empty: no driver. Throws Error(failed) where the build has no Vulkan.
std::vector<Unit> units();

// Throws Error(failed) with the cause and the remedy: not built, no driver, no such device, one
// too old; Error(usage): as active_features.
std::unique_ptr<Device> make_vulkan_device(const VulkanOptions& options);

// What the device offers. Throws as make_vulkan_device.
Features offered_features(const VulkanOptions& options);

// How the device gets at weights, and what it has room for.
struct Reach {
  bool reads_mapping = false;      // it reads the model in host memory
  bool over_link = false;          // ... which is not its own memory
  std::uint64_t memory_bytes = 0;  // that this process may allocate on it
};
Reach reach(const VulkanOptions& options);  // throws as make_vulkan_device

// Bytes of these that a compiled Program needs at most beside weights and KV cache.
std::uint64_t workspace_bytes(const Program& program, const CompileOptions& options);

// What the validation layer has found in this process so far, on devices made with `validate`.
std::vector<std::string> validation_messages();

}  // namespace ceiling::vulkan
