#include "engine/hand_over.h"

#include <algorithm>

#include "base/error.h"

namespace ceiling {
HandOver::HandOver(KvStore& prefill, KvStore& decode, std::uint32_t sequences)
    : stores_{&prefill, &decode},
      seen_{std::vector<std::uint32_t>(sequences, 0), std::vector<std::uint32_t>(sequences, 0)},
      page_(decode.canonical_page_bytes()) {
  if (prefill.page_positions() == decode.page_positions() &&
      prefill.page_count() == decode.page_count() &&
      prefill.canonical_page_bytes() == decode.canonical_page_bytes()) {
    return;
  }
  fail(ExitCode::failed,
       "units with KV pages of {} and {} positions cannot hand a cache to each other",
       prefill.page_positions(), decode.page_positions());
}

void HandOver::bring(Side side, std::uint32_t sequence, std::uint32_t length,
                     const std::vector<std::uint32_t>& pages) {
  std::uint32_t& there = seen(side, sequence);
  const std::uint32_t positions = stores_[0]->page_positions();
  KvStore& to = *stores_[static_cast<std::size_t>(side)];
  const KvStore& from = *stores_[1 - static_cast<std::size_t>(side)];
  // The page that `there` ends in is handed over whole: the other unit has gone on in it.
  for (std::uint32_t page = there / positions; there < length; ++page) {
    from.export_page(pages[page], page_);
    to.import_page(pages[page], page_);
    bytes_ += page_.size();
    there = std::min(length, (page + 1) * positions);
  }
}

void HandOver::appended(Side side, std::uint32_t sequence, std::uint32_t length) {
  seen(side, sequence) = length;
}

void HandOver::truncated(std::uint32_t sequence, std::uint32_t length) {
  for (auto& side : seen_) side[sequence] = std::min(side[sequence], length);
}

void HandOver::forked(std::uint32_t from, std::uint32_t to) {
  for (auto& side : seen_) side[to] = side[from];
}

}  // namespace ceiling
