// A KV store without a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/device.h"

namespace ceiling {

// Remembers a number for each page.
class FakeStore final : public KvStore {
 public:
  explicit FakeStore(std::uint32_t positions = 4) : positions_(positions) {}
  std::uint32_t page_positions() const override { return positions_; }
  std::uint32_t page_count() const override { return 8; }
  std::uint64_t page_bytes() const override { return 1; }
  void copy_page(std::uint32_t from, std::uint32_t to) override { pages[to] = pages[from]; }
  std::uint64_t canonical_page_bytes() const override { return 1; }
  void export_page(std::uint32_t page, std::span<std::byte> canonical) const override {
    canonical[0] = pages[page];
  }
  void import_page(std::uint32_t page, std::span<const std::byte> canonical) override {
    pages[page] = canonical[0];
    ++imports;
  }
  std::byte pages[8] = {};
  int imports = 0;

 private:
  std::uint32_t positions_;
};

}  // namespace ceiling
