// How attention is shared among workgroups (shaders/attend.comp).
#pragma once

#include <cstdint>

#include "model/program.h"

namespace ceiling::vulkan {

struct AttentionShape {
  std::uint32_t batch_rows = 1;  // of a tile
  std::uint32_t heads = 1;       // of a tile, all with the same KV head
  std::uint32_t keys = 64;       // positions at a time
  std::uint32_t splits = 1;      // workgroups that share a tile's positions
};

// `prompt`: the n rows are one sequence's positions in order, so that a tile may hold several.
AttentionShape attention_shape(std::uint32_t n, bool prompt, std::uint32_t heads,
                               const KvState& kv);

// Of a single row (shaders/attend_one.comp): heads of a tile; 0: there is no room for one.
std::uint32_t one_row_heads(std::uint32_t heads, const KvState& kv, std::uint32_t shared_bytes);
std::uint32_t one_row_splits(std::uint32_t tiles);

// Words before the parts, in which workgroups count those that have come.
inline constexpr std::uint32_t kArrivals = 1024;

// Floats for the parts of any step.
std::uint64_t most_part_floats(std::uint32_t heads, const KvState& kv);

// Throws Error(failed) where no shader has room for such heads.
void check_attention(const Attention& attention, const KvState& kv);

}  // namespace ceiling::vulkan
