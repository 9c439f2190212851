#include "engine/stop_texts.h"

#include <algorithm>
#include <utility>

namespace ceiling {
namespace {

// Length of the longest end of `text` that is the beginning of `stop`, but not all of it.
std::size_t overlap(std::string_view text, std::string_view stop) {
  for (std::size_t n = std::min(text.size(), stop.size() - 1); n > 0; --n) {
    if (text.ends_with(stop.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

StopTexts::StopTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {
  std::erase_if(texts_, [](const std::string& text) { return text.empty(); });
}

std::string StopTexts::push(std::string_view piece) {
  if (matched_) return {};
  held_ += piece;
  std::size_t first = std::string::npos;
  std::size_t undecided = 0;
  for (const std::string& stop : texts_) {
    first = std::min(first, held_.find(stop));
    undecided = std::max(undecided, overlap(held_, stop));
  }
  matched_ = first != std::string::npos;
  const std::size_t certain = matched_ ? first : held_.size() - undecided;
  std::string answer = held_.substr(0, certain);
  held_ = matched_ ? std::string() : held_.substr(certain);
  return answer;
}

std::string StopTexts::finish() { return std::exchange(held_, {}); }

}  // namespace ceiling
