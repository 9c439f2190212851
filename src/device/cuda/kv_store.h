// The KV cache in the device's memory: pages of 64 positions, each head's positions together.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "device/cuda/context.h"
#include "device/cuda/memory.h"
#include "device/device.h"

namespace ceiling::cuda {

class CudaKvStore final : public KvStore {
 public:
  // States that the steps [begin_step, end_step) touch. Throws Error(failed) without memory.
  CudaKvStore(std::shared_ptr<Context> context, const Program& program, std::size_t begin_step,
              std::size_t end_step, KvType type, std::uint32_t pages);

  std::uint32_t page_positions() const override { return kPagePositions; }
  std::uint32_t page_count() const override { return pages_; }
  std::uint64_t page_bytes() const override { return page_bytes_; }
  void copy_page(std::uint32_t from, std::uint32_t to) override;
  std::uint64_t canonical_page_bytes() const override { return canonical_bytes_; }
  void export_page(std::uint32_t page, std::span<std::byte> canonical) const override;
  void import_page(std::uint32_t page, std::span<const std::byte> canonical) override;

  KvType type() const { return type_; }
  bool holds(KvId kv) const { return kv < layers_.size() && layers_[kv].base != nullptr; }
  const KvLayer& layer(KvId kv) const { return layers_[kv]; }

 private:
  static constexpr std::uint32_t kPagePositions = 64;
  KvPlane plane(std::uint32_t width, std::uint32_t kv_heads);
  void check_size(std::size_t bytes) const;

  std::shared_ptr<Context> context_;
  KvType type_;
  std::uint32_t pages_;
  std::uint64_t page_bytes_ = 0;
  std::uint64_t canonical_bytes_ = 0;
  std::vector<KvLayer> layers_;  // by KvId; those of other segments have no base
  DeviceMemory memory_;
};

}  // namespace ceiling::cuda
