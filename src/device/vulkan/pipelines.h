// Shaders made ready for a device: each with its constants, when it is first asked for, and kept on
// disk for the next process.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "device/vulkan/context.h"

namespace ceiling::vulkan {

inline constexpr std::uint32_t kMostBindings = 8;          // of a shader
inline constexpr std::uint32_t kMostParameterBytes = 128;  // what every device has room for

// A shader with values for its constants: constant_id 0, 1, ...
struct Kernel {
  std::string shader;
  std::vector<std::uint32_t> constants;
  auto operator<=>(const Kernel&) const = default;
};

class Pipelines {
 public:
  explicit Pipelines(std::shared_ptr<const Context> context);
  ~Pipelines();  // keeps what was compiled on disk
  Pipelines(const Pipelines&) = delete;
  Pipelines& operator=(const Pipelines&) = delete;

  VkPipeline get(const Kernel& kernel);  // throws Error(failed)
  // Storage buffers at bindings 0 .. kMostBindings - 1 for all of them, and the parameters.
  VkPipelineLayout layout() const { return layout_; }
  VkDescriptorSetLayout bindings() const { return bindings_; }

 private:
  std::string cache_path() const;
  void load_cache();
  void save_cache() const noexcept;
  VkPipeline make(const Kernel& kernel) const;

  std::shared_ptr<const Context> context_;
  VkDescriptorSetLayout bindings_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  std::size_t loaded_bytes_ = 0;
  std::map<Kernel, VkPipeline> made_;
};

}  // namespace ceiling::vulkan
