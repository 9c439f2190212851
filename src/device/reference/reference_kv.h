// The oracle's KV cache: float32, so that it adds no rounding of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "device/device.h"

namespace ceiling::reference {

class ReferenceKv : public KvStore {
 public:
  ReferenceKv(const Program& program, std::size_t begin_step, std::size_t end_step,
              std::uint32_t pages);

  std::uint32_t page_positions() const override;
  std::uint32_t page_count() const override;
  std::uint64_t page_bytes() const override;
  void copy_page(std::uint32_t from, std::uint32_t to) override;
  std::uint64_t canonical_page_bytes() const override;
  void export_page(std::uint32_t page, std::span<std::byte> canonical) const override;
  void import_page(std::uint32_t page, std::span<const std::byte> canonical) override;

  // All heads of one position: [kv_heads, width].
  float* key(KvId kv, std::uint32_t page, std::uint32_t slot);
  float* value(KvId kv, std::uint32_t page, std::uint32_t slot);

 private:
  std::vector<float>& floats(std::uint32_t page);  // allocated on first use

  struct Layout {
    std::size_t keys = 0, values = 0;            // where they start in a page
    std::size_t key_width = 0, value_width = 0;  // of all heads
  };
  std::vector<Layout> layouts_;  // by KvId; those of other segments stay empty
  std::size_t page_floats_ = 0;
  std::vector<std::vector<float>> pages_;
};

}  // namespace ceiling::reference
