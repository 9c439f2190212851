#include "tokenizer/merge.h"

#include <algorithm>

namespace ceiling {

namespace {

constexpr std::uint32_t none = UINT32_MAX;

// std heaps keep the largest on top: the cheapest, then the leftmost, is the largest here.
constexpr auto later = [](const auto& a, const auto& b) {
  return a.cost != b.cost ? a.cost > b.cost : a.left > b.left;
};

}  // namespace

void Merger::run(std::vector<Symbol>& symbols, const Rule& rule) {
  const auto count = static_cast<std::uint32_t>(symbols.size());
  heap_.clear();
  links_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    links_[i] = {i == 0 ? none : i - 1, i + 1 == count ? none : i + 1};
  }
  for (std::uint32_t i = 0; i < count; ++i) consider(symbols, i, rule);

  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Candidate best = heap_.back();
    heap_.pop_back();
    const std::uint32_t right = links_[best.left].next;
    // A symbol that was merged into its left neighbour has no bytes any more.
    if (symbols[best.left].bytes == 0 || right == none ||
        symbols[best.left].bytes + symbols[right].bytes != best.bytes) {
      continue;
    }
    join(symbols, best.left, best.token);
    consider(symbols, best.left, rule);
    if (links_[best.left].previous != none) consider(symbols, links_[best.left].previous, rule);
  }
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.bytes == 0; });
}

void Merger::consider(const std::vector<Symbol>& symbols, std::uint32_t left, const Rule& rule) {
  const std::uint32_t right = links_[left].next;
  if (right == none) return;
  const std::optional<Merge> merge = rule(symbols[left], symbols[right]);
  if (!merge) return;
  heap_.push_back({merge->cost, merge->token, left, symbols[left].bytes + symbols[right].bytes});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void Merger::join(std::vector<Symbol>& symbols, std::uint32_t left, Token token) {
  const std::uint32_t right = links_[left].next;
  symbols[left].bytes += symbols[right].bytes;
  symbols[left].token = token;
  symbols[right].bytes = 0;
  links_[left].next = links_[right].next;
  if (links_[left].next != none) links_[links_[left].next].previous = left;
}

}  // namespace ceiling
