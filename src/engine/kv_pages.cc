#include "engine/kv_pages.h"

#include <cassert>
#include <numeric>

#include "base/error.h"

namespace ceiling {

KvPages::KvPages(KvStore& store, std::uint32_t max_sequences)
    : store_(store),
      tables_(max_sequences),
      lengths_(max_sequences, 0),
      references_(store.page_count(), 0),
      free_(store.page_count()) {
  std::iota(free_.rbegin(), free_.rend(), 0U);
}

std::uint32_t KvPages::length(std::uint32_t sequence) const { return lengths_.at(sequence); }

std::uint32_t KvPages::pages_for(std::uint64_t positions) const {
  const std::uint64_t page = store_.page_positions();
  return static_cast<std::uint32_t>((positions + page - 1) / page);
}

void KvPages::append(std::uint32_t sequence, std::uint32_t count) {
  if (count == 0) return;
  std::vector<std::uint32_t>& table = tables_.at(sequence);
  const std::uint64_t length = lengths_[sequence];
  const std::uint32_t wanted = pages_for(length + count);
  const bool partly_filled = length % store_.page_positions() != 0;
  const bool copies_last = partly_filled && references_[table.back()] > 1;
  const std::size_t missing = wanted - table.size() + (copies_last ? 1 : 0);
  if (missing > free_.size()) {
    fail(
        ExitCode::failed,
        "the KV cache is full: sequence {} holds {} positions and needs {} more, {} of {} pages of "
        "{} positions are free: ask for a larger context (-c) or fewer sequences",
        sequence, length, count, free_.size(), store_.page_count(), store_.page_positions());
  }
  if (copies_last) {
    const std::uint32_t shared = table.back();
    table.back() = take_page();
    store_.copy_page(shared, table.back());
    drop_page(shared);
  }
  while (table.size() < wanted) table.push_back(take_page());
  lengths_[sequence] = static_cast<std::uint32_t>(length + count);
}

void KvPages::truncate(std::uint32_t sequence, std::uint32_t length) {
  if (length >= lengths_.at(sequence)) return;
  std::vector<std::uint32_t>& table = tables_[sequence];
  const std::uint32_t kept = pages_for(length);
  while (table.size() > kept) {
    drop_page(table.back());
    table.pop_back();
  }
  lengths_[sequence] = length;
}

void KvPages::fork(std::uint32_t from, std::uint32_t to) {
  assert(lengths_.at(to) == 0 && from != to);
  tables_.at(to) = tables_.at(from);
  lengths_[to] = lengths_[from];
  for (const std::uint32_t page : tables_[to]) ++references_[page];
}

std::uint32_t KvPages::take_page() {
  const std::uint32_t page = free_.back();
  free_.pop_back();
  references_[page] = 1;
  return page;
}

void KvPages::drop_page(std::uint32_t page) {
  if (--references_[page] == 0) free_.push_back(page);
}

}  // namespace ceiling
