// Which pages of the KV cache belong to which sequence: append, truncate, fork; reference-counted.
#pragma once

#include <cstdint>
#include <vector>

#include "device/device.h"

namespace ceiling {

class KvPages {
 public:
  KvPages(KvStore& store, std::uint32_t max_sequences);

  std::uint32_t length(std::uint32_t sequence) const;  // positions held
  // Makes room for `count` more positions. A page shared with a fork is copied before it is
  // written. Throws Error(failed) when the cache is full: context asked, capacity, remedy.
  void append(std::uint32_t sequence, std::uint32_t count);
  void truncate(std::uint32_t sequence, std::uint32_t length);
  void fork(std::uint32_t from, std::uint32_t to);  // `to` must be empty; shares whole pages
  const PageTables& tables() const { return tables_; }
  std::uint32_t free_pages() const;

 private:
  std::uint32_t take_page();
  void drop_page(std::uint32_t page);
  KvStore& store_;
  PageTables tables_;
  std::vector<std::uint32_t> lengths_;
  std::vector<std::uint32_t> references_;  // of each page
  std::vector<std::uint32_t> free_;
};

}  // namespace ceiling
