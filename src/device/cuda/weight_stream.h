// Weights that do not stay on the device: each piece (a layer) crosses the link whenever it is
// used, into a window that holds a few, while the pieces before it are computed.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "device/cuda/context.h"
#include "device/cuda/memory.h"
#include "device/cuda/pinned_ranges.h"
#include "model/program.h"
#include "model/weights.h"

namespace ceiling::cuda {

// One for a device. Pieces of one round follow each other in the order in which they were added,
// and the first follows the last: what comes next is on its way before it is asked for.
class WeightStream {
 public:
  static constexpr std::size_t kSlots = 2;  // pieces in the window
  // Weights of repacked types cross in parts of at most this size (or a row), each repacked before
  // the next is there.
  static constexpr std::uint64_t kStoredBytes = std::uint64_t{32} << 20;

  explicit WeightStream(std::shared_ptr<Context> context);
  ~WeightStream();
  WeightStream(const WeightStream&) = delete;
  WeightStream& operator=(const WeightStream&) = delete;

  // Adds pieces, each the matrices named; their pages of the file are pinned from now on. Returns
  // the number of the first. Throws Error(failed): no memory for the window.
  std::size_t add(unsigned round, const Program& program,
                  const std::shared_ptr<const Weights>& weights,
                  const std::vector<std::vector<WeightId>>& pieces);

  struct Placed {
    WeightId id;
    std::uint8_t* data;
  };
  // Work put on the device's stream after this finds the piece there.
  std::vector<Placed> acquire(std::size_t piece);
  // Work put on the stream so far was the last to read it: its place is given to what comes next.
  void release(std::size_t piece);
  std::uint64_t crossed_bytes(std::size_t piece) const { return pieces_[piece].crossed; }

 private:
  struct Part {
    WeightId id = 0;
    Weight weight;
    const std::byte* from = nullptr;
    std::uint64_t offset = 0;  // in the slot
  };
  struct Piece {
    unsigned round = 0;
    std::vector<Part> parts;
    std::shared_ptr<const Weights> weights;  // keeps the mapping
    std::uint64_t bytes = 0;                 // in the window
    std::uint64_t crossed = 0;
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Slot {
    std::size_t piece = kNone;
    std::uint64_t started = 0;  // when, in copies
    cudaEvent_t there = nullptr;
    cudaEvent_t read = nullptr;  // by the last work that used it
  };

  void make_room(std::uint64_t bytes, std::uint64_t stored);
  Slot* holder(std::size_t piece);
  Slot& oldest();
  std::size_t after(std::size_t piece, std::size_t steps) const;
  void start(std::size_t piece, Slot& slot);
  void copy(const Part& part, std::uint8_t* to);
  void cross(std::uint8_t* to, std::span<const std::byte> from) const;
  std::uint8_t* place_of(const Slot& slot) const;

  std::shared_ptr<Context> context_;
  Stage stage_;  // kernels that change layouts, on the stream of the copies
  std::vector<Piece> pieces_;
  std::shared_ptr<PinnedRanges> pinned_ = PinnedRanges::of_process();
  Slot slots_[kSlots];
  std::uint64_t slot_bytes_ = 0;
  DeviceMemory window_, stored_;
  std::uint64_t copies_ = 0;
};

}  // namespace ceiling::cuda
