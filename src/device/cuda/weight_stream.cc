#include "device/cuda/weight_stream.h"

#include <algorithm>
#include <utility>

#include "device/cuda/check.h"

namespace ceiling::cuda {
namespace {

constexpr std::uint64_t kAlignment = 256;  // of each weight

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

WeightStream::WeightStream(std::shared_ptr<Context> context)
    : context_(std::move(context)), stage_(context_->stage()) {
  stage_.overlap = false;
  stage_.stream = nullptr;
  check(cudaStreamCreateWithFlags(&stage_.stream, cudaStreamNonBlocking), "making a stream");
  for (Slot& slot : slots_) {
    check(cudaEventCreateWithFlags(&slot.there, cudaEventDisableTiming), "making an event");
    check(cudaEventCreateWithFlags(&slot.read, cudaEventDisableTiming), "making an event");
  }
}

WeightStream::~WeightStream() {
  cudaStreamSynchronize(context_->stream());
  cudaStreamSynchronize(stage_.stream);  // nothing may be read after it is let go
  for (const Slot& slot : slots_) {
    cudaEventDestroy(slot.there);
    cudaEventDestroy(slot.read);
  }
  cudaStreamDestroy(stage_.stream);
}

std::size_t WeightStream::add(unsigned round, const Program& program,
                              const std::shared_ptr<const Weights>& weights,
                              const std::vector<std::vector<WeightId>>& pieces) {
  const std::size_t first = pieces_.size();
  std::uint64_t largest = 0;
  std::uint64_t stored = 0;
  std::vector<std::span<const std::byte>> crossing;
  for (const std::vector<WeightId>& held : pieces) {
    Piece piece;
    piece.round = round;
    piece.weights = weights;
    for (const WeightId id : held) {
      const Weight& weight = program.weights[id];
      piece.parts.push_back({id, weight, weights->data(id), piece.bytes});
      piece.bytes += aligned(weight.bytes());
      if (repacked(weight.type)) {
        const std::uint64_t row = row_bytes(weight.type, weight.cols);
        stored = std::max({stored, row, std::min(weight.bytes(), kStoredBytes)});
      }
      crossing.emplace_back(weights->data(id), weight.bytes());
    }
    largest = std::max(largest, piece.bytes);
    pieces_.push_back(std::move(piece));
  }
  make_room(largest, stored);
  pinned_->add(std::move(crossing), weights);
  return first;
}

void WeightStream::make_room(std::uint64_t bytes, std::uint64_t stored) {
  if (stored > stored_.size()) {
    check(cudaStreamSynchronize(stage_.stream), "copying weights");
    stored_ = DeviceMemory(stored, "the window of streamed weights");
  }
  if (bytes <= slot_bytes_) return;
  check(cudaStreamSynchronize(context_->stream()), "running kernels");
  check(cudaStreamSynchronize(stage_.stream), "copying weights");
  for (Slot& slot : slots_) slot.piece = kNone;
  window_ = {};  // before the larger one is asked for
  window_ = DeviceMemory(kSlots * bytes, "the window of streamed weights");
  slot_bytes_ = bytes;
}

std::uint8_t* WeightStream::place_of(const Slot& slot) const {
  return window_.data() + static_cast<std::size_t>(&slot - slots_) * slot_bytes_;
}

WeightStream::Slot* WeightStream::holder(std::size_t piece) {
  const auto found = std::ranges::find(slots_, piece, &Slot::piece);
  return found == std::end(slots_) ? nullptr : &*found;
}

WeightStream::Slot& WeightStream::oldest() {
  return *std::ranges::min_element(slots_, {}, &Slot::started);
}

// The piece so many further on in its round.
std::size_t WeightStream::after(std::size_t piece, std::size_t steps) const {
  const unsigned round = pieces_[piece].round;
  while (steps > 0) {
    do {
      piece = (piece + 1) % pieces_.size();
    } while (pieces_[piece].round != round);
    --steps;
  }
  return piece;
}

std::vector<WeightStream::Placed> WeightStream::acquire(std::size_t piece) {
  if (holder(piece) == nullptr) {  // the first of all, or another round was under way
    start(piece, oldest());
    for (std::size_t ahead = 1; ahead < kSlots; ++ahead) {
      const std::size_t next = after(piece, ahead);
      if (holder(next) == nullptr) start(next, oldest());
    }
  }
  const Slot& slot = *holder(piece);
  check(cudaStreamWaitEvent(context_->stream(), slot.there), "waiting for weights");
  std::vector<Placed> out;
  for (const Part& part : pieces_[piece].parts) {
    out.push_back({part.id, place_of(slot) + part.offset});
  }
  return out;
}

void WeightStream::release(std::size_t piece) {
  Slot* const slot = holder(piece);
  if (slot == nullptr) return;
  check(cudaEventRecord(slot->read, context_->stream()), "marking weights as read");
  const std::size_t next = after(piece, kSlots);
  if (holder(next) == nullptr) start(next, *slot);
}

void WeightStream::start(std::size_t piece, Slot& slot) {
  check(cudaStreamWaitEvent(stage_.stream, slot.read), "waiting for a place for weights");
  slot.piece = piece;
  slot.started = ++copies_;
  for (const Part& part : pieces_[piece].parts) {
    copy(part, place_of(slot) + part.offset);
    pieces_[piece].crossed += part.weight.bytes();
  }
  check(cudaEventRecord(slot.there, stage_.stream), "copying weights");
}

void WeightStream::copy(const Part& part, std::uint8_t* to) {
  const Weight& weight = part.weight;
  if (!repacked(weight.type)) return cross(to, {part.from, weight.bytes()});
  const std::uint64_t all_rows = weight.groups * weight.rows;
  const std::uint64_t each = row_bytes(weight.type, weight.cols);
  const std::uint64_t at_once = std::max<std::uint64_t>(stored_.size() / each, 1);
  for (std::uint64_t row = 0; row < all_rows; row += at_once) {
    const std::uint64_t rows = std::min(at_once, all_rows - row);
    cross(stored_.data(), {part.from + row * each, rows * each});
    launch_repack(stage_, weight.type, stored_.data(), row, rows, all_rows,
                  static_cast<std::uint32_t>(weight.cols), to);
  }
}

void WeightStream::cross(std::uint8_t* to, std::span<const std::byte> from) const {
  while (!from.empty()) {
    const std::uint64_t bytes = pinned_->one_copy(from);
    check(cudaMemcpyAsync(to, from.data(), bytes, cudaMemcpyHostToDevice, stage_.stream),
          "copying weights");
    to += bytes;
    from = from.subspan(bytes);
  }
}

}  // namespace ceiling::cuda
