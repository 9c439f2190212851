// Which pages of the KV cache belong to which sequence: append, truncate, fork; reference-counted.
#pragma once

#include <cstdint>
#include <vector>

#include "device/device.h"

namespace ceiling {

class KvPages {
 public:
  // The store must outlive this. Sequences are numbered from 0 and empty at first.
  KvPages(KvStore& store, std::uint32_t max_sequences);

  std::uint32_t length(std::uint32_t sequence) const;  // positions held
  // Makes room for `count` more positions. A page shared with a fork is copied before it is
  // written. Throws Error(failed) when the cache is full (nothing has changed then).
  void append(std::uint32_t sequence, std::uint32_t count);
  // Forgets the positions from `length` on; no effect when there are no more than that.
  void truncate(std::uint32_t sequence, std::uint32_t length);
  // `to` must be empty. Both hold the same pages until one of them writes.
  void fork(std::uint32_t from, std::uint32_t to);
  const PageTables& tables() const { return tables_; }
  std::uint32_t free_pages() const { return static_cast<std::uint32_t>(free_.size()); }

 private:
  std::uint32_t pages_for(std::uint64_t positions) const;
  std::uint32_t take_page();
  void drop_page(std::uint32_t page);

  KvStore& store_;
  PageTables tables_;
  std::vector<std::uint32_t> lengths_;
  std::vector<std::uint32_t> references_;  // of each page
  std::vector<std::uint32_t> free_;        // taken from the back: lowest number first
};

}  // namespace ceiling
