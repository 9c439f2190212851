// The part of the runner that records attention, and what leads to it.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "device/vulkan/attention_shape.h"
#include "device/vulkan/work_runner.h"

namespace ceiling::vulkan {
namespace {

constexpr std::size_t kTableAlignment = 64;  // words: of a binding at most
// Turns a position as a 64-bit fraction: low word, high word.
std::array<std::uint32_t, 2> fraction(long double turns) {
  const long double rest = turns - std::floor(turns);
  const auto bits = static_cast<std::uint64_t>(std::ldexp(rest, 64));
  return {static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32)};
}

}  // namespace

bool WorkRunner::same_turn(const Rope& a, const Rope& b) {
  return a.rotated == b.rotated && a.base == b.base && a.position_scale == b.position_scale &&
         a.frequency_divisors == b.frequency_divisors;
}

std::uint32_t WorkRunner::add_table(std::span<const std::uint32_t> words) {
  const auto at = static_cast<std::uint32_t>(table_words_.size());
  table_words_.insert(table_words_.end(), words.begin(), words.end());
  table_words_.resize((table_words_.size() + kTableAlignment - 1) / kTableAlignment *
                      kTableAlignment);
  return at;
}

void WorkRunner::add_norm(const std::optional<Turns::Part>& part) {
  if (!part || !part->norm || norm_at_.contains(part->norm->weight)) return;
  std::vector<std::uint32_t> words;
  for (const float value : parts_.weights->on_host(part->norm->weight)) {
    words.push_back(std::bit_cast<std::uint32_t>(value));
  }
  norm_at_[part->norm->weight] = add_table(words);
}

// To the device's own memory: each step of each layer reads them. And no workgroup has come yet.
void WorkRunner::upload_tables() {
  table_words_.resize(std::max(table_words_.size(), kTableAlignment));
  const std::uint64_t bytes = table_words_.size() * sizeof(std::uint32_t);
  tables_ = Buffer(*parts_.context, bytes, Place::device, "rotations");
  const Buffer host(*parts_.context, bytes, Place::upload, "rotations");
  std::ranges::copy(table_words_, host.as<std::uint32_t>());
  parts_.context->run_once([&](VkCommandBuffer commands) {
    const VkBufferCopy all{0, 0, bytes};
    vkCmdCopyBuffer(commands, host.handle(), tables_.handle(), 1, &all);
    if (parts_of_attention_.size() == 0) return;
    vkCmdFillBuffer(commands, parts_of_attention_.handle(), 0, VK_WHOLE_SIZE, 0);
  });
  table_words_.clear();
}

void WorkRunner::add_rotation(const std::optional<Turns::Part>& part) {
  if (!part || !part->rope) return;
  const Rope& rope = *part->rope;
  for (const Rotation& known : rotations_) {
    if (same_turn(known.rope, rope)) return;
  }
  const std::size_t pairs = rope.rotated / 2;
  std::vector<std::uint32_t> words;
  for (std::size_t i = 0; i < pairs; ++i) {
    const float divisor =
        rope.frequency_divisors ? parts_.weights->on_host(*rope.frequency_divisors)[i] : 1.0F;
    const long double radians = std::pow(static_cast<long double>(rope.base),
                                         -2.0L * static_cast<long double>(i) / rope.rotated) *
                                rope.position_scale / divisor;
    const auto turn = fraction(radians / (2 * std::numbers::pi_v<long double>));
    words.insert(words.end(), turn.begin(), turn.end());
  }
  rotations_.push_back({rope, add_table(words)});
}

Span WorkRunner::table(const Rotation& rotation) const {
  const std::uint64_t bytes = std::max(rotation.rope.rotated, 2U) * sizeof(std::uint32_t);
  return {tables_.handle(), rotation.at * sizeof(std::uint32_t), bytes};
}

const WorkRunner::Rotation& WorkRunner::rotation(const Rope& rope) const {
  for (const Rotation& known : rotations_) {
    if (same_turn(known.rope, rope)) return known;
  }
  return rotations_.front();
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
  const Span cache = append != nullptr ? parts_.kv->layer(append->kv).keys : in;
  recording_->dispatch({by_subgroups("turn"),
                        {rope.head_width, rope.rotated, rope.layout == RopeLayout::halves,
                         part.norm ? 1U : 0U, append != nullptr ? 1U : 0U}},
                       std::array{in, norm, table(rotation(rope)), words_, in, cache}, parameters,
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
  if (put_one_row(work)) return;
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
  const Span parts = shape.splits == 1
                         ? out
                         : Span{parts_of_attention_.handle(), kArrivals * sizeof(float),
                                parts_of_attention_.size() - kArrivals * sizeof(float)};
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
  const Span words = int8 ? Span{int8_.handle(), 0, int8_.size()} : parts;
  recording_->dispatch(
      {"attend_join", {int8}}, std::array{parts, out, words},
      JoinParameters{kv.value_width, shape.splits, n * o.heads, lines_at(width(o.out))},
      {.x = std::uint64_t{n} * o.heads});
  if (int8) in_int8_ = o.out;
}

}  // namespace ceiling::vulkan
