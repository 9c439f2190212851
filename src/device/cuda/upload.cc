#include "device/cuda/upload.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>

#include "base/error.h"
#include "device/cuda/check.h"

namespace ceiling::cuda {
namespace {

constexpr std::uint64_t kAlignment = 256;
constexpr std::uint64_t kChunkBytes = std::uint64_t{32} << 20;
constexpr std::uintptr_t kPage = 4096;

// A way from the mapping to the device. Where the driver can pin the file's pages they are read in
// place; else they pass through two pinned buffers, one filled while the other is copied.
class Link {
 public:
  Link(const Context& context, std::span<const std::byte> pool, const std::byte* begin,
       const std::byte* end)
      : context_(context) {
    const auto from = reinterpret_cast<std::uintptr_t>(begin) / kPage * kPage;
    const auto to = std::min(
        (reinterpret_cast<std::uintptr_t>(end) + kPage - 1) / kPage * kPage,
        reinterpret_cast<std::uintptr_t>(pool.data()) + (pool.size() + kPage - 1) / kPage * kPage);
    auto* const at = reinterpret_cast<void*>(from);
    if (cudaHostRegister(at, to - from, cudaHostRegisterReadOnly) == cudaSuccess) {
      registered_ = at;
      return;
    }
    cudaGetLastError();
    for (Buffer& buffer : buffers_) {
      buffer.memory = PinnedMemory(kChunkBytes, "a buffer for copying weights");
      check(cudaEventCreateWithFlags(&buffer.copied, cudaEventDisableTiming), "making an event");
    }
  }
  ~Link() {
    if (registered_ != nullptr) cudaHostUnregister(registered_);
    for (Buffer& buffer : buffers_) {
      if (buffer.copied != nullptr) cudaEventDestroy(buffer.copied);
    }
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void copy(std::uint8_t* to, const std::byte* from, std::uint64_t bytes) {
    if (registered_ != nullptr) return copy_async(to, from, bytes);
    for (std::uint64_t done = 0; done < bytes; done += kChunkBytes) {
      const std::uint64_t count = std::min(kChunkBytes, bytes - done);
      Buffer& buffer = buffers_[next_++ % 2];
      check(cudaEventSynchronize(buffer.copied), "copying weights");
      std::memcpy(buffer.memory.data(), from + done, count);
      copy_async(to + done, buffer.memory.data(), count);
      check(cudaEventRecord(buffer.copied, context_.stream()), "copying weights");
    }
  }

 private:
  struct Buffer {
    PinnedMemory memory;
    cudaEvent_t copied = nullptr;
  };
  void copy_async(std::uint8_t* to, const std::byte* from, std::uint64_t bytes) const {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, context_.stream()),
          "copying weights");
  }

  const Context& context_;
  void* registered_ = nullptr;
  Buffer buffers_[2];
  std::size_t next_ = 0;
};

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

void check_readable(const Weight& weight) {
  const std::uint64_t unit = weight.type == TensorType::F32 ? 4 : 8;
  if (weight.rows == 1 || weight.cols % unit == 0) return;
  fail(ExitCode::failed,
       "cuda: '{}' has {} columns of {}, expected a multiple of {}: use --device cpu", weight.name,
       weight.cols, name(weight.type), unit);
}

}  // namespace

DeviceWeights::DeviceWeights(const std::shared_ptr<Context>& context, const Program& program,
                             const Weights& weights, std::size_t begin, std::size_t end)
    : matrices_(program.weights.size()) {
  std::set<WeightId> used;
  for (std::size_t i = begin; i < end; ++i) {
    for (const WeightId id : access(program.steps[i].operation).weights) used.insert(id);
  }
  if (used.empty()) return;
  const std::byte* first = nullptr;
  const std::byte* last = nullptr;
  std::uint64_t total = 0;
  for (const WeightId id : used) {
    const Weight& weight = program.weights[id];
    check_readable(weight);
    total += aligned(weight.bytes());
    bytes_ += weight.bytes();
    const std::byte* const at = weights.data(id);
    if (first == nullptr || at < first) first = at;
    if (last == nullptr || at + weight.bytes() > last) last = at + weight.bytes();
  }
  memory_ = DeviceMemory(total, "the weights");
  DeviceMemory stored(kChunkBytes, "a buffer for copying weights");  // of repacked types

  const auto start = std::chrono::steady_clock::now();
  Link link(*context, weights.pool(), first, last);
  std::uint8_t* to = memory_.data();
  for (const WeightId id : used) {
    const Weight& weight = program.weights[id];
    const std::uint64_t rows = weight.groups * weight.rows;
    matrices_[id] = {.data = to,
                     .type = weight.type,
                     .all_rows = rows,
                     .rows = static_cast<std::uint32_t>(weight.rows),
                     .cols = static_cast<std::uint32_t>(weight.cols)};
    if (!repacked(weight.type)) {
      link.copy(to, weights.data(id), weight.bytes());
    } else {
      const std::uint64_t each = row_bytes(weight.type, weight.cols);
      const std::uint64_t at_once = std::max<std::uint64_t>(kChunkBytes / each, 1);
      for (std::uint64_t row = 0; row < rows; row += at_once) {
        const std::uint64_t count = std::min(at_once, rows - row);
        link.copy(stored.data(), weights.data(id) + row * each, count * each);
        launch_repack(context->stage(), weight.type, stored.data(), row, count, rows,
                      static_cast<std::uint32_t>(weight.cols), to);
      }
    }
    to += aligned(weight.bytes());
  }
  context->wait();
  time_ = {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

}  // namespace ceiling::cuda
