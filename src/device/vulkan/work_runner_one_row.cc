// The part of the runner that records attention of a single row as one dispatch, turns and append
// included.
#include <algorithm>
#include <array>

#include "device/vulkan/attention_shape.h"
#include "device/vulkan/work_runner.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kThreads = 256;
constexpr std::uint32_t kWidths = 16;  // widths are multiples of it

}  // namespace

// Queries, keys, values and results, as one binding shows them; empty: it does not.
std::optional<Span> WorkRunner::one_binding(std::initializer_list<ValueId> ids) const {
  Span all = rows_in(*ids.begin(), 0, 1);
  for (const ValueId id : ids) {
    const Span one = rows_in(id, 0, 1);
    const std::uint64_t end = std::max(all.offset + all.bytes, one.offset + one.bytes);
    all.offset = std::min(all.offset, one.offset);
    all.bytes = end - all.offset;
  }
  if (all.bytes > parts_.context->limits().binding_bytes) return {};
  return all;
}

// False: it has to be done in steps.
bool WorkRunner::put_one_row(const Turns& work) {
  if (shape_.rows.rows != 1 || !work.query || !work.key || !work.append || !work.attention) {
    return false;
  }
  const Attention& o = *work.attention;
  const KvState& kv = parts_.program->kv[o.kv];
  const Rope& rope = *work.query->rope;
  const Limits& limits = parts_.context->limits();
  const std::uint32_t tile = one_row_heads(o.heads, kv, limits.shared_bytes);
  const std::optional<Span> floats =
      one_binding({work.query->value, work.key->value, work.append->value, o.out});
  const bool widths = kv.key_width % kWidths == 0 && kv.value_width % kWidths == 0 &&
                      kv.key_width <= kThreads && kv.value_width <= kThreads &&
                      rope.head_width == kv.key_width;
  if (tile == 0 || !floats || !widths || limits.workgroup < kThreads ||
      !same_turn(rope, *work.key->rope) || rope.layout != work.key->rope->layout) {
    return false;
  }
  const KvLayer& layer = parts_.kv->layer(o.kv);
  const bool int8 = parts_.context->features().int8_dot && kv.value_width % 32 == 0 &&
                    width(o.out) <= whole_cols_;
  const std::uint32_t at = lines_at(width(o.out));
  const auto place = [&](ValueId id) {
    return static_cast<std::uint32_t>((value_at_[id] - floats->offset) / sizeof(float));
  };
  const auto norm_at = [&](const Turns::Part& part) {
    return part.norm ? norm_at_.at(part.norm->weight) : 0;
  };
  const auto epsilon = [](const Turns::Part& part) { return part.norm ? part.norm->epsilon : 0; };
  const std::uint32_t tiles = o.heads / tile;
  const std::uint32_t splits = one_row_splits(tiles);
  const OneRowParameters parameters{.heads = o.heads,
                                    .kv_heads = kv.kv_heads,
                                    .window = kv.window.value_or(0),
                                    .splits = splits,
                                    .scale = o.scale,
                                    .soft_cap = o.soft_cap.value_or(0),
                                    .query_epsilon = epsilon(*work.query),
                                    .key_epsilon = epsilon(*work.key),
                                    .query_at = place(work.query->value),
                                    .key_at = place(work.key->value),
                                    .value_at = place(work.append->value),
                                    .out_at = place(o.out),
                                    .frequency_at = rotation(rope).at / 2,
                                    .query_norm_at = norm_at(*work.query),
                                    .key_norm_at = norm_at(*work.key),
                                    .lines_at = at,
                                    .places = places()};
  const Span parts{parts_of_attention_.handle(), 0, parts_of_attention_.size()};
  const Span rounded = int8 ? Span{int8_.handle(), 0, int8_.size()} : parts;
  recording_->dispatch(
      {"attend_one",
       {tile, kv.key_width, kv.value_width, rope.rotated, rope.layout == RopeLayout::halves,
        work.query->norm.has_value(), work.key->norm.has_value(), int8}},
      std::array{*floats, layer.keys, layer.values, words_, rounded, parts,
                 Span{tables_.handle(), 0, tables_.size()}},
      parameters, {.x = tiles, .y = splits});
  if (int8) in_int8_ = o.out;
  return true;
}

}  // namespace ceiling::vulkan
