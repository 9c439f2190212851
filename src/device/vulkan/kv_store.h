// The KV cache in the device's memory: pages of 64 positions, float16, as the canonical layout has
// them: [position, KV head, element].
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "device/device.h"
#include "device/vulkan/context.h"
#include "device/vulkan/memory.h"

namespace ceiling::vulkan {

// One layer's keys and values: all pages of the keys, all pages of the values.
struct KvLayer {
  Buffer memory;
  Span keys, values;
  std::uint32_t kv_heads = 0, key_width = 0, value_width = 0;
};

class VulkanKvStore final : public KvStore {
 public:
  // States that the steps [begin_step, end_step) touch. Throws Error(failed): no memory, another
  // type than float16, heads of an odd width.
  VulkanKvStore(std::shared_ptr<const Context> context, const Program& program,
                std::size_t begin_step, std::size_t end_step, KvType type, std::uint32_t pages);

  std::uint32_t page_positions() const override { return kPagePositions; }
  std::uint32_t page_count() const override { return pages_; }
  std::uint64_t page_bytes() const override { return page_bytes_; }
  void copy_page(std::uint32_t from, std::uint32_t to) override;
  std::uint64_t canonical_page_bytes() const override { return page_bytes_; }
  void export_page(std::uint32_t page, std::span<std::byte> canonical) const override;
  void import_page(std::uint32_t page, std::span<const std::byte> canonical) override;

  const KvLayer& layer(KvId kv) const { return layers_[kv]; }

 private:
  static constexpr std::uint32_t kPagePositions = 64;
  std::vector<Span> parts_of(std::uint32_t page) const;  // in the canonical order
  void check_size(std::size_t bytes) const;

  std::shared_ptr<const Context> context_;
  std::uint32_t pages_;
  std::uint64_t page_bytes_ = 0;
  std::vector<KvLayer> layers_;  // by KvId; those of other segments are empty
};

}  // namespace ceiling::vulkan
