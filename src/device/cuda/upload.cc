#include "device/cuda/upload.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <future>
#include <set>

#include "base/error.h"
#include "device/cuda/check.h"

namespace ceiling::cuda {
namespace {

constexpr std::uint64_t kAlignment = 256;
constexpr std::uint64_t kChunkBytes = std::uint64_t{32} << 20;
constexpr std::uintptr_t kPage = 4096;

// Pages of the mapping pinned in place, in pieces: while one is copied the next are being pinned.
class PinnedPieces {
 public:
  PinnedPieces(const std::byte* begin, const std::byte* end)
      : begin_(reinterpret_cast<std::uintptr_t>(begin) / kPage * kPage),
        end_((reinterpret_cast<std::uintptr_t>(end) + kPage - 1) / kPage * kPage) {
    check(cudaGetDevice(&device_), "asking for the device");
    pieces_.resize((end_ - begin_ + kPieceBytes - 1) / kPieceBytes);
    usable_ = pin(0);
  }
  ~PinnedPieces() {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i].valid()) pieces_[i].wait();
      if (pieces_[i].valid() && pieces_[i].get()) cudaHostUnregister(address(i));
    }
    cudaGetLastError();
  }
  PinnedPieces(const PinnedPieces&) = delete;
  PinnedPieces& operator=(const PinnedPieces&) = delete;

  bool usable() const { return usable_; }  // the driver pins pages of files

  // Bytes from `at` on, at most `bytes`, that lie in one piece; pinned when this returns true.
  bool pinned(const std::byte* at, std::uint64_t& bytes) {
    const std::size_t piece = (reinterpret_cast<std::uintptr_t>(at) - begin_) / kPieceBytes;
    const std::uintptr_t piece_end = begin_ + (piece + 1) * kPieceBytes;
    bytes = std::min<std::uint64_t>(bytes, piece_end - reinterpret_cast<std::uintptr_t>(at));
    return pin(piece);
  }

 private:
  static constexpr std::size_t kAhead = 3;
  static constexpr std::uintptr_t kPieceBytes = std::uintptr_t{128} << 20;

  void* address(std::size_t piece) const {
    return reinterpret_cast<void*>(begin_ + piece * kPieceBytes);
  }
  bool pin(std::size_t piece) {
    for (std::size_t i = piece; i < std::min(piece + kAhead, pieces_.size()); ++i) {
      if (pieces_[i].valid()) continue;
      const std::uintptr_t bytes = std::min(kPieceBytes, end_ - (begin_ + i * kPieceBytes));
      pieces_[i] =
          std::async(std::launch::async, [this, i, bytes] {
            return cudaSetDevice(device_) == cudaSuccess &&
                   cudaHostRegister(address(i), bytes, cudaHostRegisterReadOnly) == cudaSuccess;
          }).share();
    }
    return pieces_[piece].get();
  }

  std::uintptr_t begin_, end_;
  int device_ = 0;
  bool usable_ = false;
  std::vector<std::shared_future<bool>> pieces_;
};

// A way from the mapping to the device. Where the driver pins the file's pages they are read in
// place; else they pass through two pinned buffers, one filled while the other is copied.
class Link {
 public:
  Link(const Context& context, const std::byte* begin, const std::byte* end)
      : context_(context), pieces_(begin, end) {}
  ~Link() {
    cudaStreamSynchronize(context_.stream());  // nothing may be read after it is let go
    for (Buffer& buffer : buffers_) {
      if (buffer.copied != nullptr) cudaEventDestroy(buffer.copied);
    }
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void copy(std::uint8_t* to, const std::byte* from, std::uint64_t bytes) {
    while (bytes > 0) {
      std::uint64_t count = bytes;
      if (pieces_.usable() && pieces_.pinned(from, count)) {
        copy_async(to, from, count);
      } else {
        count = std::min(bytes, kChunkBytes);
        pass_on(to, from, count);
      }
      to += count;
      from += count;
      bytes -= count;
    }
  }

 private:
  struct Buffer {
    PinnedMemory memory;
    cudaEvent_t copied = nullptr;
  };
  void pass_on(std::uint8_t* to, const std::byte* from, std::uint64_t bytes) {
    Buffer& buffer = buffers_[next_++ % 2];
    if (buffer.memory.size() == 0) {
      buffer.memory = PinnedMemory(kChunkBytes, "a buffer for copying weights");
      check(cudaEventCreateWithFlags(&buffer.copied, cudaEventDisableTiming), "making an event");
    }
    check(cudaEventSynchronize(buffer.copied), "copying weights");
    std::memcpy(buffer.memory.data(), from, bytes);
    copy_async(to, buffer.memory.data(), bytes);
    check(cudaEventRecord(buffer.copied, context_.stream()), "copying weights");
  }
  void copy_async(std::uint8_t* to, const std::byte* from, std::uint64_t bytes) const {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, context_.stream()),
          "copying weights");
  }

  const Context& context_;
  PinnedPieces pieces_;
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
  Link link(*context, first, last);
  std::uint8_t* to = memory_.data();
  std::vector<WeightId> in_order(used.begin(), used.end());  // of the file
  std::ranges::sort(in_order, {}, [&](WeightId id) { return weights.data(id); });
  for (const WeightId id : in_order) {
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
