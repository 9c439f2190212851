#include "device/cuda/pinned_ranges.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace ceiling::cuda {
namespace {

constexpr std::uintptr_t kPage = 4096;
// Threads pin large ranges faster, up to a point. Source: an H100's host, 4.7 GB: 11 GB/s by one
// thread in one piece, 16-29 by eight in pieces of 64 MiB, 15 by sixteen.
constexpr std::uintptr_t kPieceBytes = std::uintptr_t{64} << 20;
constexpr std::size_t kThreads = 8;

std::uintptr_t address(const std::byte* at) { return reinterpret_cast<std::uintptr_t>(at); }

}  // namespace

std::shared_ptr<PinnedRanges> PinnedRanges::of_process() {
  static std::mutex mutex;
  static std::weak_ptr<PinnedRanges> in_use;
  const std::lock_guard lock(mutex);
  auto ranges = in_use.lock();
  if (!ranges) {
    ranges = std::shared_ptr<PinnedRanges>(new PinnedRanges);
    in_use = ranges;
  }
  return ranges;
}

PinnedRanges::~PinnedRanges() {
  for (const auto& [begin, end] : pieces_) cudaHostUnregister(reinterpret_cast<void*>(begin));
  cudaGetLastError();
}

void PinnedRanges::add(std::vector<std::span<const std::byte>> parts,
                       std::shared_ptr<const Weights> weights) {
  const std::lock_guard lock(mutex_);
  weights_.push_back(std::move(weights));
  std::ranges::sort(parts, {}, [](std::span<const std::byte> part) { return part.data(); });
  std::vector<Range> whole;  // what touches is one
  for (const std::span<const std::byte> part : parts) {
    const Range pages{address(part.data()) / kPage * kPage,
                      (address(part.data() + part.size()) + kPage - 1) / kPage * kPage};
    if (!whole.empty() && pages.begin <= whole.back().end) {
      whole.back().end = std::max(whole.back().end, pages.end);
    } else {
      whole.push_back(pages);
    }
  }
  std::vector<Range> pieces;
  for (const Range& pages : whole) {
    for (const Range& gap : gaps_in(pages)) {
      for (std::uintptr_t at = gap.begin; at < gap.end; at += kPieceBytes) {
        pieces.push_back({at, std::min(at + kPieceBytes, gap.end)});
      }
    }
  }
  pin(pieces);
}

std::vector<PinnedRanges::Range> PinnedRanges::gaps_in(Range pages) const {
  std::vector<Range> gaps;
  std::uintptr_t at = pages.begin;
  auto next = pieces_.upper_bound(at);
  if (next != pieces_.begin()) at = std::max(at, std::prev(next)->second);
  while (at < pages.end) {
    const std::uintptr_t end = next == pieces_.end() ? pages.end : std::min(pages.end, next->first);
    if (at < end) gaps.push_back({at, end});
    if (next == pieces_.end()) break;
    at = next++->second;
  }
  return gaps;
}

void PinnedRanges::pin(const std::vector<Range>& ranges) {
  int device = 0;
  cudaGetDevice(&device);
  std::mutex mutex;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    cudaSetDevice(device);
    for (std::size_t i = next++; i < ranges.size(); i = next++) {
      const Range& range = ranges[i];
      if (cudaHostRegister(reinterpret_cast<void*>(range.begin), range.end - range.begin,
                           cudaHostRegisterReadOnly) != cudaSuccess) {
        cudaGetLastError();
        continue;
      }
      const std::lock_guard lock(mutex);
      pieces_[range.begin] = range.end;
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(kThreads, ranges.size()); ++i) threads.emplace_back(work);
  work();
}

std::uint64_t PinnedRanges::one_copy(std::span<const std::byte> bytes) const {
  const std::lock_guard lock(mutex_);
  const std::uintptr_t at = address(bytes.data());
  const auto after = pieces_.upper_bound(at);
  if (after != pieces_.begin() && std::prev(after)->second > at) {
    return std::min<std::uint64_t>(bytes.size(), std::prev(after)->second - at);
  }
  return after == pieces_.end() ? bytes.size()
                                : std::min<std::uint64_t>(bytes.size(), after->first - at);
}

}  // namespace ceiling::cuda
