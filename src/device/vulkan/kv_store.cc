#include "device/vulkan/kv_store.h"

#include <cstring>
#include <variant>

#include "base/error.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint64_t kHalf = 2;  // bytes

}  // namespace

VulkanKvStore::VulkanKvStore(std::shared_ptr<const Context> context, const Program& program,
                             std::size_t begin_step, std::size_t end_step, KvType type,
                             std::uint32_t pages)
    : context_(std::move(context)), pages_(pages), layers_(program.kv.size()) {
  if (type != KvType::f16) {
    fail(ExitCode::failed,
         "the vulkan device keeps its KV cache in float16: leave the KV type out, or use --device "
         "cpu");
  }
  for (std::size_t i = begin_step; i < end_step; ++i) {
    const auto* append = std::get_if<KvAppend>(&program.steps[i].operation);
    if (append == nullptr) continue;
    const KvState& state = program.kv[append->kv];
    if (state.key_width % 2 != 0 || state.value_width % 2 != 0) {
      fail(ExitCode::failed,
           "vulkan: heads of {} and {} elements, expected an even number: use "
           "--device cpu",
           state.key_width, state.value_width);
    }
    KvLayer& layer = layers_[append->kv];
    layer.kv_heads = state.kv_heads;
    layer.key_width = state.key_width;
    layer.value_width = state.value_width;
    const std::uint64_t heads = std::uint64_t{kPagePositions} * state.kv_heads;
    const std::uint64_t keys = heads * state.key_width * kHalf;  // whole 128 bytes
    const std::uint64_t values = heads * state.value_width * kHalf;
    const std::uint64_t alignment = context_->limits().binding_alignment;
    const std::uint64_t values_at = (keys * pages + alignment - 1) / alignment * alignment;
    if (std::max(keys, values) * pages > context_->limits().binding_bytes) {
      fail(ExitCode::failed,
           "vulkan: the KV cache needs {} a layer, the device's shaders see {} at most: ask for a "
           "smaller context (-c), or use --device cpu",
           format_capacity({keys * pages}), format_capacity({context_->limits().binding_bytes}));
    }
    layer.memory = Buffer(*context_, values_at + values * pages, Place::device, "the KV cache");
    layer.keys = {layer.memory.handle(), 0, keys * pages};
    layer.values = {layer.memory.handle(), values_at, values * pages};
    page_bytes_ += keys + values;
  }
  context_->run_once([&](VkCommandBuffer commands) {  // nothing there may be no number
    for (const KvLayer& layer : layers_) {
      if (layer.memory.size() == 0) continue;
      vkCmdFillBuffer(commands, layer.memory.handle(), 0, VK_WHOLE_SIZE, 0);
    }
  });
}

std::vector<Span> VulkanKvStore::parts_of(std::uint32_t page) const {
  std::vector<Span> out;
  for (const KvLayer& layer : layers_) {
    if (layer.memory.size() == 0) continue;
    for (const Span& all : {layer.keys, layer.values}) {
      const std::uint64_t bytes = all.bytes / pages_;
      out.push_back({all.buffer, all.offset + page * bytes, bytes});
    }
  }
  return out;
}

void VulkanKvStore::copy_page(std::uint32_t from, std::uint32_t to) {
  const std::vector<Span> sources = parts_of(from);
  const std::vector<Span> targets = parts_of(to);
  context_->run_once([&](VkCommandBuffer commands) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const VkBufferCopy region{sources[i].offset, targets[i].offset, sources[i].bytes};
      vkCmdCopyBuffer(commands, sources[i].buffer, targets[i].buffer, 1, &region);
    }
  });
}

void VulkanKvStore::check_size(std::size_t bytes) const {
  if (bytes == page_bytes_) return;
  fail(ExitCode::failed, "a KV page has {} bytes, expected {}", bytes, page_bytes_);
}

void VulkanKvStore::export_page(std::uint32_t page, std::span<std::byte> canonical) const {
  check_size(canonical.size());
  const Buffer host(*context_, page_bytes_, Place::readback, "a KV page");
  context_->run_once([&](VkCommandBuffer commands) {
    std::uint64_t at = 0;
    for (const Span& part : parts_of(page)) {
      const VkBufferCopy region{part.offset, at, part.bytes};
      vkCmdCopyBuffer(commands, part.buffer, host.handle(), 1, &region);
      at += part.bytes;
    }
    show_host(commands);
  });
  std::memcpy(canonical.data(), host.data(), page_bytes_);
}

void VulkanKvStore::import_page(std::uint32_t page, std::span<const std::byte> canonical) {
  check_size(canonical.size());
  const Buffer host(*context_, page_bytes_, Place::upload, "a KV page");
  std::memcpy(host.data(), canonical.data(), page_bytes_);
  context_->run_once([&](VkCommandBuffer commands) {
    std::uint64_t at = 0;
    for (const Span& part : parts_of(page)) {
      const VkBufferCopy region{at, part.offset, part.bytes};
      vkCmdCopyBuffer(commands, host.handle(), part.buffer, 1, &region);
      at += part.bytes;
    }
  });
}

}  // namespace ceiling::vulkan
