#include "device/vulkan/attention_shape.h"

#include <algorithm>

#include "base/error.h"
#include "device/vulkan/parameters.h"

namespace ceiling::vulkan {
namespace {

// Every device has 16 KiB of shared memory: half of it for queries, the rest for scores.
constexpr std::uint32_t kQueryFloats = 2048;
constexpr std::uint32_t kMostTileRows = 16;
constexpr std::uint32_t kMostSplits = 16;
constexpr std::uint32_t kWantedGroups = 64;  // that keep a device busy
// As attend_one.comp has them.
constexpr std::uint32_t kMostOneRowHeads = 8;
constexpr std::uint32_t kMostOneRowSplits = 32;
constexpr std::uint32_t kOneRowGroups = 128;
constexpr std::uint32_t kOneRowThreads = 256, kOneRowKeys = 64;
constexpr std::uint32_t kOneRowFloats = 256 + 64 + 64;  // shared whatever the heads and widths

std::uint32_t tile_rows(const KvState& kv) {
  return std::min(kMostTileRows, kQueryFloats / kv.key_width);
}

// As one_row_tile.glsl has it: what keys add to scores; then slices of one or two heads.
std::uint32_t one_row_scratch(std::uint32_t heads, const KvState& kv) {
  const std::uint32_t slices = kOneRowThreads / (kv.value_width / 8);
  return std::max(kv.key_width / 16 * (heads * kOneRowKeys + 4),
                  std::min(heads, 2U) * slices * kv.value_width);
}

}  // namespace

AttentionShape attention_shape(std::uint32_t n, bool prompt, std::uint32_t heads,
                               const KvState& kv) {
  const std::uint32_t sharing = heads / kv.kv_heads;
  AttentionShape shape;
  for (std::uint32_t h = 1; h <= std::min(sharing, tile_rows(kv)); ++h) {
    if (sharing % h == 0) shape.heads = h;
  }
  if (prompt) {
    shape.batch_rows = std::max(1U, tile_rows(kv) / shape.heads);
    return shape;
  }
  if (n > kFewRows) return shape;
  const std::uint32_t tiles = n * (heads / shape.heads);
  shape.splits = std::clamp(kWantedGroups / tiles, 1U, kMostSplits);
  return shape;
}

std::uint32_t one_row_heads(std::uint32_t heads, const KvState& kv, std::uint32_t shared_bytes) {
  const std::uint32_t sharing = heads / kv.kv_heads;
  std::uint32_t most = 0;
  for (std::uint32_t h = 1; h <= std::min(sharing, kMostOneRowHeads); ++h) {
    const std::uint32_t floats = (2 * h + 3) * kv.key_width + (h + 1) * kv.value_width +
                                 h * (kOneRowKeys + 2 * kMostOneRowSplits) +
                                 one_row_scratch(h, kv) + kOneRowFloats;
    if (sharing % h == 0 && floats * sizeof(float) <= shared_bytes) most = h;
  }
  return most == 0 || heads / most > kArrivals ? 0 : most;
}

std::uint32_t one_row_splits(std::uint32_t tiles) {
  return std::clamp(kOneRowGroups / tiles, 1U, kMostOneRowSplits);
}

std::uint64_t most_part_floats(std::uint32_t heads, const KvState& kv) {
  std::uint64_t most = std::uint64_t{heads} * kMostOneRowSplits * (kv.value_width + 2);
  for (std::uint32_t n = 1; n <= kFewRows; ++n) {
    const std::uint32_t splits = attention_shape(n, false, heads, kv).splits;
    most = std::max(most, std::uint64_t{n} * heads * splits * (kv.value_width + 2));
  }
  return most + kArrivals;
}

void check_attention(const Attention& attention, const KvState& kv) {
  if (kv.key_width <= kQueryFloats && attention.heads % kv.kv_heads == 0) return;
  fail(ExitCode::failed,
       "vulkan: attention with {} heads of {} elements on {} KV heads has no shader: use --device "
       "cpu",
       attention.heads, kv.key_width, kv.kv_heads);
}

}  // namespace ceiling::vulkan
