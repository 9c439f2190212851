#include "device/vulkan/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>

#include "base/error.h"
#include "device/vulkan/side_copy.h"
#include "os/cpu.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint64_t kChunkBytes = std::uint64_t{64} << 20;  // of a copy
constexpr std::size_t kMostThreads = 16;                        // that fill one
constexpr std::uint64_t kMostBinding = std::uint64_t{1} << 31;  // shaders count bytes in 32 bits
constexpr std::uint64_t kMostRegion = std::uint64_t{1} << 30;   // of one import
constexpr std::uint64_t kCopyAlignment = 256;                   // no device asks for more

std::uint64_t down(std::uint64_t value, std::uint64_t unit) { return value / unit * unit; }
std::uint64_t up(std::uint64_t value, std::uint64_t unit) { return down(value + unit - 1, unit); }

}  // namespace

// A piece where it lies in the file.
struct DeviceWeights::Stored {
  WeightId weight = 0;
  std::uint32_t first_row = 0, rows = 0;
  const std::byte* data = nullptr;
  std::uint64_t bytes = 0;
};

DeviceWeights::DeviceWeights(std::shared_ptr<const Context> context, const Program& program,
                             std::shared_ptr<const Weights> weights, std::size_t begin,
                             std::size_t end)
    : context_(std::move(context)),
      weights_(std::move(weights)),
      matrices_(program.weights.size()) {
  for (const Weight& weight : program.weights) vector_elements_.push_back(weight.cols);
  std::vector<Stored> pieces = cut(program, begin, end);
  for (const Stored& piece : pieces) {
    const Weight& weight = program.weights[piece.weight];
    matrices_[piece.weight] = {
        .type = weight.type,
        .rows = static_cast<std::uint32_t>(weight.rows),
        .cols = static_cast<std::uint32_t>(weight.cols),
        .row_bytes = static_cast<std::uint32_t>(row_bytes(weight.type, weight.cols)),
        .pieces = {}};
  }
  bring(pieces);
}

DeviceWeights::~DeviceWeights() {
  if (context_->hung()) keep_forever(weights_);
}

void DeviceWeights::bring(std::vector<Stored>& pieces) {
  const WeightPages way = context_->weight_pages();
  if (way == WeightPages::file) {
    const std::string obstacle = import(pieces);
    if (obstacle.empty()) return;
    refusal_ = fmt::format("the pages of this file were refused ({})", obstacle);
  }
  if (way != WeightPages::copied) {
    const std::string obstacle = import_own(pieces);
    if (obstacle.empty()) {
      if (!refusal_.empty()) refusal_ += ": weights read in memory of this process";
      return;
    }
    if (!refusal_.empty()) refusal_ += ", ";
    refusal_ += fmt::format("memory of this process was refused ({}): weights copied", obstacle);
  }
  const auto start = std::chrono::steady_clock::now();
  copy(pieces);
  time_ = {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

// In the order of the file; each small enough for a binding.
std::vector<DeviceWeights::Stored> DeviceWeights::cut(const Program& program, std::size_t begin,
                                                      std::size_t end) const {
  std::set<WeightId> used;
  for (std::size_t i = begin; i < end; ++i) {
    for (const WeightId id : access(program.steps[i].operation).weights) used.insert(id);
  }
  const Limits& limits = context_->limits();
  const std::uint64_t most =
      std::min({limits.binding_bytes, limits.allocation_bytes, kMostBinding}) -
      2 * std::max<std::uint64_t>(limits.binding_alignment, limits.import_granule);
  std::vector<Stored> out;
  for (const WeightId id : used) {
    const Weight& weight = program.weights[id];
    const std::uint64_t each = row_bytes(weight.type, weight.cols);
    if (each > most) {
      fail(ExitCode::failed, "vulkan: a row of '{}' has {} bytes, the device's shaders see {}",
           weight.name, each, most);
    }
    const std::uint64_t all = weight.groups * weight.rows;
    for (std::uint64_t row = 0; row < all; row += most / each) {
      const std::uint64_t rows = std::min(most / each, all - row);
      out.push_back({id, static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(rows),
                     weights_->data(id) + row * each, rows * each});
    }
  }
  std::ranges::sort(out, {}, &Stored::data);
  return out;
}

// The file is read into memory of this process once; all of it, for the CPU reads there too.
std::string DeviceWeights::import_own(std::vector<Stored>& pieces) {
  try {
    weights_->file().own_pages();
  } catch (const Error& error) {
    return error.what();
  }
  return import(pieces);
}

// Neighbouring pieces together: few buffers, each of whole granules. Returns why there are none.
std::string DeviceWeights::import(std::vector<Stored>& pieces) {
  const Limits& limits = context_->limits();
  const std::uint64_t most = std::min(kMostRegion, limits.allocation_bytes);
  const auto address = [](const std::byte* data) { return reinterpret_cast<std::uintptr_t>(data); };
  for (std::size_t i = 0; i < pieces.size();) {
    const std::uint64_t begin = down(address(pieces[i].data), limits.import_granule);
    std::uint64_t end = begin;
    std::size_t after = i;
    for (; after < pieces.size(); ++after) {
      const Stored& piece = pieces[after];
      const std::uint64_t its_end = up(address(piece.data) + piece.bytes, limits.import_granule);
      if (after > i && its_end - begin > most) break;
      end = std::max(end, its_end);
    }
    Import region = Buffer::import(*context_, {reinterpret_cast<const std::byte*>(begin),
                                               static_cast<std::size_t>(end - begin)});
    if (!region.buffer) {
      buffers_.clear();
      for (Matrix& matrix : matrices_) matrix.pieces.clear();
      return region.refusal;
    }
    for (; i < after; ++i) {
      const Stored& piece = pieces[i];
      const std::uint64_t at = address(piece.data) - begin;
      const std::uint64_t offset = down(at, limits.binding_alignment);
      matrices_[piece.weight].pieces.push_back(
          {.span = {region.buffer->handle(), offset, up(at - offset + piece.bytes, 4)},
           .skew = static_cast<std::uint32_t>(at - offset),
           .first_row = piece.first_row,
           .rows = piece.rows});
    }
    buffers_.push_back(std::move(*region.buffer));
  }
  return "";
}

// One buffer a piece's worth of neighbours, filled through one that the host writes. Pages of the
// file that have been read leave this process's memory.
void DeviceWeights::copy(std::vector<Stored>& pieces) {
  const std::uint64_t most = std::min(kMostRegion, context_->limits().allocation_bytes);
  const Buffer passing(*context_, pieces.empty() ? 0 : kChunkBytes, Place::upload,
                       "a buffer for copying weights");
  SideCopy side_by_side(std::min<std::size_t>(kMostThreads, os::default_threads()));
  for (std::size_t i = 0; i < pieces.size();) {
    std::uint64_t total = 0;
    std::size_t after = i;
    for (; after < pieces.size(); ++after) {
      const std::uint64_t bytes = up(pieces[after].bytes, kCopyAlignment);
      if (after > i && total + bytes > most) break;
      total += bytes;
    }
    Buffer buffer(*context_, total, Place::device, "the weights");
    std::uint64_t at = 0;
    for (; i < after; ++i) {
      const Stored& piece = pieces[i];
      for (std::uint64_t done = 0; done < piece.bytes; done += kChunkBytes) {
        const std::uint64_t count = std::min(kChunkBytes, piece.bytes - done);
        side_by_side.copy(passing.data(), {piece.data + done, count});
        context_->run_once([&](VkCommandBuffer commands) {
          const VkBufferCopy region{0, at + done, count};
          vkCmdCopyBuffer(commands, passing.handle(), buffer.handle(), 1, &region);
        });
      }
      weights_->file().release({piece.data, piece.bytes});
      matrices_[piece.weight].pieces.push_back({.span = {buffer.handle(), at, up(piece.bytes, 4)},
                                                .skew = 0,
                                                .first_row = piece.first_row,
                                                .rows = piece.rows});
      copied_bytes_ += piece.bytes;
      at += up(piece.bytes, kCopyAlignment);
    }
    buffers_.push_back(std::move(buffer));
  }
}

Vector DeviceWeights::vector(WeightId id) const {
  const Piece& piece = matrices_[id].pieces.front();
  return {piece.span, piece.skew / 4};
}

std::span<const float> DeviceWeights::on_host(WeightId id) const {
  return {reinterpret_cast<const float*>(weights_->data(id)), vector_elements_[id]};
}

}  // namespace ceiling::vulkan
