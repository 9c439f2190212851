#include "device/vulkan/pipelines.h"

#include <fmt/format.h>

#include <array>
#include <cassert>

#include "base/error.h"
#include "device/vulkan/check.h"
#include "device/vulkan/component_types.h"
#include "device/vulkan/shaders.h"
#include "device/vulkan/structure.h"
#include "os/files.h"

namespace ceiling::vulkan {

Pipelines::Pipelines(std::shared_ptr<const Context> context) : context_(std::move(context)) {
  const VkDevice device = context_->device();
  std::array<VkDescriptorSetLayoutBinding, kMostBindings> bindings{};
  for (std::uint32_t i = 0; i < kMostBindings; ++i) {
    bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  }
  auto set = structure<VkDescriptorSetLayoutCreateInfo>(
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
  set.bindingCount = kMostBindings;
  set.pBindings = bindings.data();
  check(vkCreateDescriptorSetLayout(device, &set, nullptr, &bindings_), "making bindings");
  const VkPushConstantRange parameters{VK_SHADER_STAGE_COMPUTE_BIT, 0, kMostParameterBytes};
  auto layout =
      structure<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &bindings_;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &parameters;
  check(vkCreatePipelineLayout(device, &layout, nullptr, &layout_), "making bindings");
  load_cache();
}

Pipelines::~Pipelines() {
  const VkDevice device = context_->device();
  save_cache();
  for (const auto& [kernel, pipeline] : made_) vkDestroyPipeline(device, pipeline, nullptr);
  vkDestroyPipelineCache(device, cache_, nullptr);
  vkDestroyPipelineLayout(device, layout_, nullptr);
  vkDestroyDescriptorSetLayout(device, bindings_, nullptr);
}

std::string Pipelines::cache_path() const {
  return fmt::format("{}/vulkan-{}-{}.pipelines", os::cache_directory(), context_->identity(),
                     shaders_hash());
}

void Pipelines::load_cache() {
  std::string stored;
  try {
    stored = os::read_file(cache_path());
  } catch (const Error&) {  // the first time on this device
  }
  auto info = structure<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
  info.initialDataSize = stored.size();  // the driver checks that they are its own
  info.pInitialData = stored.data();
  loaded_bytes_ = stored.size();
  check(vkCreatePipelineCache(context_->device(), &info, nullptr, &cache_), "making pipelines");
}

void Pipelines::save_cache() const noexcept {
  std::size_t bytes = 0;
  if (vkGetPipelineCacheData(context_->device(), cache_, &bytes, nullptr) != VK_SUCCESS) return;
  if (bytes <= loaded_bytes_) return;
  try {
    std::string data(bytes, '\0');
    if (vkGetPipelineCacheData(context_->device(), cache_, &bytes, data.data()) != VK_SUCCESS)
      return;
    os::write_file(cache_path(), {data.data(), bytes});
  } catch (const std::exception&) {  // compiled again next time
  }
}

VkPipeline Pipelines::get(const Kernel& kernel) {
  const auto known = made_.find(kernel);
  if (known != made_.end()) return known->second;
  return made_[kernel] = make(kernel);
}

VkPipeline Pipelines::make(const Kernel& kernel) const {
  const VkDevice device = context_->device();
  const std::span<const std::uint32_t> stored = shader_code(kernel.shader);
  assert(!stored.empty());
  const std::vector<std::uint32_t> code = with_component_types(stored);
  auto module_info =
      structure<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  module_info.codeSize = code.size() * sizeof(std::uint32_t);
  module_info.pCode = code.data();
  VkShaderModule module = VK_NULL_HANDLE;
  check(vkCreateShaderModule(device, &module_info, nullptr, &module), kernel.shader);
  std::vector<VkSpecializationMapEntry> entries;
  for (std::uint32_t i = 0; i < kernel.constants.size(); ++i) entries.push_back({i, 4 * i, 4});
  const VkSpecializationInfo constants{static_cast<std::uint32_t>(entries.size()), entries.data(),
                                       kernel.constants.size() * 4, kernel.constants.data()};
  auto info =
      structure<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
  info.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                nullptr,
                0,
                VK_SHADER_STAGE_COMPUTE_BIT,
                module,
                "main",
                &constants};
  info.layout = layout_;
  VkPipeline out = VK_NULL_HANDLE;
  const VkResult result = vkCreateComputePipelines(device, cache_, 1, &info, nullptr, &out);
  vkDestroyShaderModule(device, module, nullptr);
  check(result, kernel.shader);
  return out;
}

}  // namespace ceiling::vulkan
