#include "device/cuda/staged_copy.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "device/cuda/check.h"
#include "device/cuda/memory.h"
#include "os/cpu.h"

namespace ceiling::cuda {
namespace {

using Clock = std::chrono::steady_clock;

// A thread reads 4 to 6 GB/s of pages that it has not mapped yet. Source: an H100's 16 host cores,
// 4.7 GB from the page cache: 18 GB/s with 4 threads, 46 with 8 and 50 with 12 or 16, of 55.
constexpr std::size_t kMostThreads = 16;
constexpr std::size_t kBuffers = 2;  // of a thread: one is filled while the other crosses the link
// Parts that are told as read together: what is done with them may stop all threads for a moment.
constexpr std::size_t kTogether = 16;

// Counts the parts of each group that were read.
class Groups {
 public:
  explicit Groups(const std::vector<CopyPart>& parts)
      : parts_(parts), read_((parts.size() + kTogether - 1) / kTogether) {}

  // After part i was read: its whole group, if it was the last.
  std::optional<std::span<const std::byte>> after(std::size_t i) {
    const std::size_t first = i / kTogether * kTogether;
    const std::size_t end = std::min(first + kTogether, parts_.size());
    if (++read_[i / kTogether] != end - first) return std::nullopt;
    const std::byte* const begin = parts_[first].from.data();
    const std::span<const std::byte> last = parts_[end - 1].from;
    return std::span(begin, static_cast<std::size_t>(last.data() + last.size() - begin));
  }

 private:
  const std::vector<CopyPart>& parts_;
  std::vector<std::atomic<std::size_t>> read_;
};

}  // namespace

// A thread's stream and its part of the buffers.
class StagedCopy::Lane {
 public:
  explicit Lane(const Stage& stage) : stage_(stage) {
    stage_.stream = nullptr;
    check(cudaStreamCreateWithFlags(&stage_.stream, cudaStreamNonBlocking), "making a stream");
    for (cudaEvent_t& event : crossed_) {
      check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event");
    }
  }
  ~Lane() {
    cudaStreamSynchronize(stage_.stream);
    cudaStreamDestroy(stage_.stream);
    for (const cudaEvent_t event : crossed_) cudaEventDestroy(event);
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void use(std::byte* host, std::uint8_t* stored, std::uint64_t bytes) {
    host_ = host;
    stored_ = stored;
    bytes_ = bytes;
  }

  // Returns when the part has been read; it may still be on its way.
  void copy(const CopyPart& part) {
    const std::size_t turn = turn_++ % kBuffers;
    check(cudaEventSynchronize(crossed_[turn]), "copying weights");
    std::byte* const host = host_ + turn * bytes_;
    std::memcpy(host, part.from.data(), part.from.size());
    std::uint8_t* const to = part.repacked ? stored_ + turn * bytes_ : part.to;
    check(cudaMemcpyAsync(to, host, part.from.size(), cudaMemcpyHostToDevice, stage_.stream),
          "copying weights");
    check(cudaEventRecord(crossed_[turn], stage_.stream), "copying weights");
    if (!part.repacked) return;
    launch_repack(stage_, part.type, to, part.first_row, part.rows, part.all_rows, part.cols,
                  part.to);
  }
  void wait() const { check(cudaStreamSynchronize(stage_.stream), "copying weights"); }

 private:
  Stage stage_;
  std::byte* host_ = nullptr;
  std::uint8_t* stored_ = nullptr;
  std::uint64_t bytes_ = 0;  // of one buffer
  cudaEvent_t crossed_[kBuffers] = {};
  std::size_t turn_ = 0;
};

StagedCopy::StagedCopy(const Stage& stage)
    : stage_(stage), threads_(std::min<std::size_t>(kMostThreads, os::default_threads())) {
  for (std::size_t i = 0; i < threads_; ++i) lanes_.push_back(std::make_unique<Lane>(stage_));
  make_buffers(kPartBytes);
}

StagedCopy::~StagedCopy() = default;

void StagedCopy::make_buffers(std::uint64_t bytes) {
  if (bytes <= buffer_bytes_) return;
  buffer_bytes_ = bytes;
  host_ = PinnedMemory(threads_ * kBuffers * bytes, "buffers for copying weights");
  stored_ = DeviceMemory(threads_ * kBuffers * bytes, "buffers for copying weights");
  for (std::size_t i = 0; i < threads_; ++i) {
    const std::size_t at = i * kBuffers * bytes;
    lanes_[i]->use(host_.data() + at, stored_.data() + at, bytes);
  }
}

Clock::time_point StagedCopy::run(const std::vector<CopyPart>& parts,
                                  const std::function<void(std::span<const std::byte>)>& read) {
  std::uint64_t largest = 0;
  for (const CopyPart& part : parts) largest = std::max<std::uint64_t>(largest, part.from.size());
  make_buffers(largest);
  int device = 0;
  check(cudaGetDevice(&device), "asking for the device");
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  Groups groups(parts);
  std::mutex mutex;  // of what follows
  std::exception_ptr failure;
  Clock::time_point last;
  const auto work = [&](Lane& lane) {
    try {
      check(cudaSetDevice(device), "choosing the device");
      for (std::size_t i = next++; i < parts.size() && !failed; i = next++) {
        lane.copy(parts[i]);
        if (const auto group = groups.after(i)) read(*group);
      }
      lane.wait();
      const std::lock_guard lock(mutex);
      last = std::max(last, Clock::now());
    } catch (...) {
      failed = true;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(threads_, parts.size()); ++i) {
      threads.emplace_back([&work, this, i] { work(*lanes_[i]); });
    }
  }
  if (failure) std::rethrow_exception(failure);
  return last;
}

}  // namespace ceiling::cuda
