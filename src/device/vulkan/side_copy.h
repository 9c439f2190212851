// Copying on the host by several threads at once.
#pragma once

#include <barrier>
#include <cstddef>
#include <span>
#include <thread>
#include <vector>

namespace ceiling::vulkan {

// Its threads stay until it ends: starting and ending them would hold up those that read pages for
// the first time, which is most of the work (4 to 6 GB/s a thread; a link carries ten times that).
class SideCopy {
 public:
  explicit SideCopy(std::size_t threads);  // fewer where the system gives no more
  ~SideCopy();
  SideCopy(const SideCopy&) = delete;
  SideCopy& operator=(const SideCopy&) = delete;

  void copy(std::byte* to, std::span<const std::byte> from);  // returns when all is there

 private:
  void share(std::size_t thread) const;

  std::byte* to_ = nullptr;
  std::span<const std::byte> from_;
  bool ended_ = false;
  std::barrier<> begin_, end_;
  std::vector<std::jthread> others_;
};

}  // namespace ceiling::vulkan
