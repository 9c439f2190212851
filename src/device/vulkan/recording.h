// Commands of one step, recorded once and run as often as wanted.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "device/vulkan/context.h"
#include "device/vulkan/memory.h"
#include "device/vulkan/pipelines.h"

namespace ceiling::vulkan {

// Workgroups of a dispatch: `x` of them, however many (shaders find their number by
// workgroup_number() in common.glsl), for each of y.
struct Groups {
  std::uint64_t x = 1;
  std::uint32_t y = 1;
};

// For so much work, of which a workgroup does `each`.
constexpr std::uint32_t groups_of(std::uint64_t count, std::uint64_t each) {
  return static_cast<std::uint32_t>((count + each - 1) / each);
}

class Recording {
 public:
  // Timestamps of a profile: at most `marks`; 0: none are taken.
  Recording(std::shared_ptr<const Context> context, std::shared_ptr<Pipelines> pipelines,
            std::uint32_t marks = 0);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  // Work between two barriers may run at the same time.
  template <typename Parameters>
  void dispatch(const Kernel& kernel, std::span<const Span> bindings, const Parameters& parameters,
                const Groups& groups) {
    static_assert(sizeof(Parameters) <= kMostParameterBytes && sizeof(Parameters) % 4 == 0);
    put(kernel, bindings, std::as_bytes(std::span(&parameters, 1)), groups);
  }
  void copy(const Span& from, const Span& to);
  void barrier();       // between work
  void copy_barrier();  // between work and copies
  void mark();          // the device's clock, once all before has ended

  void end();  // nothing can be recorded afterwards
  void run() const;
  std::vector<Seconds> times() const;  // between marks, of the last run

 private:
  void put(const Kernel& kernel, std::span<const Span> bindings,
           std::span<const std::byte> parameters, const Groups& groups);
  void wait(VkPipelineStageFlags stages, VkAccessFlags reads, VkAccessFlags writes);
  VkDescriptorSet make_set(std::span<const Span> bindings);

  std::shared_ptr<const Context> context_;
  std::shared_ptr<Pipelines> pipelines_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  std::vector<VkDescriptorPool> pools_;
  std::uint32_t sets_left_ = 0;  // in the last pool
  VkQueryPool clock_ = VK_NULL_HANDLE;
  std::uint32_t marks_ = 0;
};

}  // namespace ceiling::vulkan
