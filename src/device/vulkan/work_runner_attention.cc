// The part of the runner that records attention, and what leads to it.
#include <array>
#include <cmath>
#include <numbers>

#include "device/vulkan/attention_shape.h"
#include "device/vulkan/work_runner.h"

namespace ceiling::vulkan {
namespace {

bool same_turn(const Rope& a, const Rope& b) {
  return a.rotated == b.rotated && a.base == b.base && a.position_scale == b.position_scale &&
         a.frequency_divisors == b.frequency_divisors;
}

// Turns a position as a 64-bit fraction: low word, high word.
std::array<std::uint32_t, 2> fraction(long double turns) {
  const long double rest = turns - std::floor(turns);
  const auto bits = static_cast<std::uint64_t>(std::ldexp(rest, 64));
  return {static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32)};
}

}  // namespace

void WorkRunner::add_rotation(const std::optional<Turns::Part>& part) {
  if (!part || !part->rope) return;
  const Rope& rope = *part->rope;
  for (const Rotation& known : rotations_) {
    if (same_turn(known.rope, rope)) return;
  }
  const std::size_t pairs = rope.rotated / 2;
  Rotation made{rope, Buffer(*parts_.context, std::max<std::size_t>(pairs, 1) * 8, Place::upload,
                             "rotations")};
  auto* const table = made.table.as<std::array<std::uint32_t, 2>>();
  for (std::size_t i = 0; i < pairs; ++i) {
    const float divisor =
        rope.frequency_divisors ? parts_.weights->on_host(*rope.frequency_divisors)[i] : 1.0F;
    const long double radians = std::pow(static_cast<long double>(rope.base),
                                         -2.0L * static_cast<long double>(i) / rope.rotated) *
                                rope.position_scale / divisor;
    table[i] = fraction(radians / (2 * std::numbers::pi_v<long double>));
  }
  rotations_.push_back(std::move(made));
}

const Buffer& WorkRunner::rotation(const Rope& rope) const {
  for (const Rotation& known : rotations_) {
    if (same_turn(known.rope, rope)) return known.table;
  }
  return rotations_.front().table;
}

// A head of the value at a time, back to where it was or, with `store`, as keys to the cache.
void WorkRunner::turn(const Turns::Part& part, const KvAppend* append) {
  const Rope& rope = *part.rope;
  const std::uint32_t heads = rows_of(part.value) * rope.heads;
  const Span in = value(part.value);
  TurnParameters parameters{rope.heads, heads, 0, 0, places()};
  Span norm = in;
  if (part.norm) {
    const Vector weight = parts_.weights->vector(part.norm->weight);
    norm = weight.span;
    parameters.norm_at = weight.at;
    parameters.epsilon = part.norm->epsilon;
  }
  const Buffer& table = rotation(rope);
  const Span cache = append != nullptr ? parts_.kv->layer(append->kv).keys : in;
  recording_->dispatch(
      {by_subgroups("turn"),
       {rope.head_width, rope.rotated, rope.layout == RopeLayout::halves, part.norm ? 1U : 0U,
        append != nullptr ? 1U : 0U}},
      std::array{in, norm, Span{table.handle(), 0, table.size()}, words_, in, cache}, parameters,
      {.x = heads});
}

// As it is, to the cache.
void WorkRunner::store(ValueId id, const Span& cache, std::uint32_t kv_heads,
                       std::uint32_t head_width) {
  const std::uint32_t heads = rows_of(id) * kv_heads;
  const Span in = value(id);
  recording_->dispatch({by_subgroups("turn"), {head_width, 0, 0, 0, 1}},
                       std::array{in, in, in, words_, in, cache},
                       TurnParameters{kv_heads, heads, 0, 0, places()}, {.x = heads});
}

void WorkRunner::put_one(const Turns& work) {
  if (work.query) turn(*work.query, nullptr);
  if (work.key) turn(*work.key, work.append ? &*work.append : nullptr);
  if (work.append) {
    const KvLayer& layer = parts_.kv->layer(work.append->kv);
    if (!work.key) store(work.append->key, layer.keys, layer.kv_heads, layer.key_width);
    store(work.append->value, layer.values, layer.kv_heads, layer.value_width);
  }
  if (!work.attention) return;
  recording_->barrier();
  put_one(*work.attention);
}

void WorkRunner::put_one(const Attention& o) {
  const KvState& kv = parts_.program->kv[o.kv];
  const KvLayer& layer = parts_.kv->layer(o.kv);
  const std::uint32_t n = shape_.rows.rows;
  const AttentionShape shape = attention_shape(n, shape_.prompt, o.heads, kv);
  const AttendParameters parameters{n,
                                    o.heads,
                                    kv.kv_heads,
                                    kv.window.value_or(0),
                                    shape.splits,
                                    o.scale,
                                    o.soft_cap.value_or(0),
                                    places()};
  const Span out = value(o.out);
  const Span parts =
      shape.splits == 1 ? out : Span{parts_of_attention_.handle(), 0, parts_of_attention_.size()};
  const std::uint32_t tiles =
      (n + shape.batch_rows - 1) / shape.batch_rows * (o.heads / shape.heads);
  recording_->dispatch({"attend",
                        {shape.batch_rows, shape.heads, kv.key_width, kv.value_width, shape.keys,
                         shape.splits > 1 ? 1U : 0U}},
                       std::array{value(o.query), layer.keys, layer.values, words_, out, parts},
                       parameters, {.x = tiles, .y = shape.splits});
  if (shape.splits == 1) return;
  recording_->barrier();
  // The product that nearly always follows reads int8: written on the way.
  const bool int8 = parts_.context->features().int8_dot && kv.value_width % 32 == 0 &&
                    width(o.out) <= whole_cols_;
  const Int8Places places = int8_places(width(o.out));
  const Span words = int8 ? Span{int8_.handle(), 0, int8_.size()} : parts;
  recording_->dispatch(
      {"attend_join", {int8}}, std::array{parts, out, words},
      JoinParameters{kv.value_width, shape.splits, n * o.heads, places.scales_at, places.sums_at},
      {.x = std::uint64_t{n} * o.heads});
  if (int8) in_int8_ = o.out;
}

}  // namespace ceiling::vulkan
