#include "device/vulkan/recording.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "device/vulkan/check.h"
#include "device/vulkan/structure.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kSetsOfAPool = 256;
constexpr std::uint64_t kGroupsOfARow = 32768;  // as in common.glsl; every device has so many

}  // namespace

Recording::Recording(std::shared_ptr<const Context> context, std::shared_ptr<Pipelines> pipelines,
                     std::uint32_t marks)
    : context_(std::move(context)),
      pipelines_(std::move(pipelines)),
      commands_(context_->make_commands()) {
  const auto begin =
      structure<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  check(vkBeginCommandBuffer(commands_, &begin), "recording commands");
  if (marks == 0) return;
  auto info = structure<VkQueryPoolCreateInfo>(VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO);
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = marks;
  check(vkCreateQueryPool(context_->device(), &info, nullptr, &clock_), "making a clock");
  vkCmdResetQueryPool(commands_, clock_, 0, marks);
}

Recording::~Recording() {
  if (context_->hung()) {  // what runs on uses all of it
    keep_forever(pipelines_);
    return;
  }
  const VkDevice device = context_->device();
  context_->free_commands(commands_);
  for (const VkDescriptorPool pool : pools_) vkDestroyDescriptorPool(device, pool, nullptr);
  if (clock_ != VK_NULL_HANDLE) vkDestroyQueryPool(device, clock_, nullptr);
}

VkDescriptorSet Recording::make_set(std::span<const Span> bindings) {
  const VkDevice device = context_->device();
  if (sets_left_ == 0) {
    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                    kSetsOfAPool * kMostBindings};
    auto info =
        structure<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
    info.maxSets = kSetsOfAPool;
    info.poolSizeCount = 1;
    info.pPoolSizes = &size;
    VkDescriptorPool pool = VK_NULL_HANDLE;
    check(vkCreateDescriptorPool(device, &info, nullptr, &pool), "making bindings");
    pools_.push_back(pool);
    sets_left_ = kSetsOfAPool;
  }
  --sets_left_;
  const VkDescriptorSetLayout layout = pipelines_->bindings();
  auto info =
      structure<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  info.descriptorPool = pools_.back();
  info.descriptorSetCount = 1;
  info.pSetLayouts = &layout;
  VkDescriptorSet set = VK_NULL_HANDLE;
  check(vkAllocateDescriptorSets(device, &info, &set), "making bindings");

  std::array<VkDescriptorBufferInfo, kMostBindings> buffers{};
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    buffers[i] = {bindings[i].buffer, bindings[i].offset, bindings[i].bytes};
  }
  auto write = structure<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
  write.dstSet = set;
  write.descriptorCount = static_cast<std::uint32_t>(bindings.size());
  write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
  write.pBufferInfo = buffers.data();
  vkUpdateDescriptorSets(device, 1, &write, 0, nullptr);
  return set;
}

void Recording::put(const Kernel& kernel, std::span<const Span> bindings,
                    std::span<const std::byte> parameters, const Groups& groups) {
  if (groups.x == 0 || groups.y == 0) return;
  assert(!bindings.empty() && bindings.size() <= kMostBindings);
  const VkDescriptorSet set = make_set(bindings);
  const VkPipelineLayout layout = pipelines_->layout();
  vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipelines_->get(kernel));
  vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0,
                          nullptr);
  vkCmdPushConstants(commands_, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                     static_cast<std::uint32_t>(parameters.size()), parameters.data());
  const std::uint64_t rows = (groups.x + kGroupsOfARow - 1) / kGroupsOfARow;
  vkCmdDispatch(commands_, static_cast<std::uint32_t>(std::min(groups.x, kGroupsOfARow)),
                static_cast<std::uint32_t>(rows), groups.y);
}

void Recording::copy(const Span& from, const Span& to) {
  const VkBufferCopy region{from.offset, to.offset, from.bytes};
  vkCmdCopyBuffer(commands_, from.buffer, to.buffer, 1, &region);
}

void Recording::wait(VkPipelineStageFlags stages, VkAccessFlags reads, VkAccessFlags writes) {
  auto memory = structure<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  memory.srcAccessMask = writes;
  memory.dstAccessMask = reads | writes;
  vkCmdPipelineBarrier(commands_, stages, stages, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

void Recording::barrier() {
  wait(VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT, VK_ACCESS_SHADER_WRITE_BIT);
}

void Recording::copy_barrier() {
  wait(VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
       VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT,
       VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
}

void Recording::mark() {
  if (clock_ == VK_NULL_HANDLE) return;
  vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, clock_, marks_++);
}

void Recording::end() {
  auto memory = structure<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  memory.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  memory.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  vkCmdPipelineBarrier(commands_,
                       VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                       VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &memory, 0, nullptr, 0, nullptr);
  check(vkEndCommandBuffer(commands_), "recording commands");
}

void Recording::run() const { context_->run(commands_); }

std::vector<Seconds> Recording::times() const {
  std::vector<std::uint64_t> ticks(marks_);
  const Limits& limits = context_->limits();
  std::vector<Seconds> out;
  if (marks_ == 0) return out;
  check(vkGetQueryPoolResults(
            context_->device(), clock_, 0, marks_, ticks.size() * sizeof(std::uint64_t),
            ticks.data(), sizeof(std::uint64_t), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
        "reading the clock");
  for (std::uint32_t i = 1; i < marks_; ++i) {
    out.push_back({static_cast<double>((ticks[i] - ticks[i - 1]) & limits.tick_mask) *
                   limits.seconds_per_tick});
  }
  return out;
}

}  // namespace ceiling::vulkan
