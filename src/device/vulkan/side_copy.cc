#include "device/vulkan/side_copy.h"

#include <algorithm>
#include <cstring>
#include <system_error>

namespace ceiling::vulkan {

SideCopy::SideCopy(std::size_t threads)
    : begin_(static_cast<std::ptrdiff_t>(threads)), end_(static_cast<std::ptrdiff_t>(threads)) {
  const auto work = [this](std::size_t i) {
    while (true) {
      begin_.arrive_and_wait();
      if (ended_) return;
      share(i);
      end_.arrive_and_wait();
    }
  };
  try {
    for (std::size_t i = 1; i < threads; ++i) others_.emplace_back(work, i);
  } catch (const std::system_error&) {  // the system gives no more: fewer share the work
    for (std::size_t i = others_.size() + 1; i < threads; ++i) {
      begin_.arrive_and_drop();
      end_.arrive_and_drop();
    }
  }
}

SideCopy::~SideCopy() {
  ended_ = true;
  begin_.arrive_and_wait();
}

void SideCopy::copy(std::byte* to, std::span<const std::byte> from) {
  to_ = to;
  from_ = from;
  begin_.arrive_and_wait();
  share(0);
  end_.arrive_and_wait();
}

// Pieces by turns, so that the threads read what lies together.
void SideCopy::share(std::size_t thread) const {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  const std::size_t threads = others_.size() + 1;
  for (std::size_t at = thread * kPiece; at < from_.size(); at += threads * kPiece) {
    std::memcpy(to_ + at, from_.data() + at, std::min(kPiece, from_.size() - at));
  }
}

}  // namespace ceiling::vulkan
