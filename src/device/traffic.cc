#include "device/traffic.h"

#include <algorithm>

namespace ceiling {
namespace {

std::uint64_t weight_bytes(const Program& program, std::size_t begin, std::size_t end,
                           std::uint32_t rows, bool logits) {
  Batch batch = shape_batch(0, rows);
  batch.rows.back().logits = logits;
  const std::vector<Cost> costs = cost_by_step(program, batch);
  std::uint64_t bytes = 0;
  for (std::size_t i = begin; i < end; ++i) bytes += costs[i].weight_bytes;
  return bytes;
}

}  // namespace

TrafficCount::TrafficCount(const Program& program, std::size_t begin, std::size_t end, KvType kv)
    : kv_(kv) {
  for (const bool logits : {false, true}) {
    const std::uint64_t one = weight_bytes(program, begin, end, 1, logits);
    weights_[logits] = {one, weight_bytes(program, begin, end, 2, logits) - one};
  }
  for (std::size_t i = begin; i < end; ++i) {
    const auto* attention = std::get_if<Attention>(&program.steps[i].operation);
    if (attention != nullptr) attended_.push_back(program.kv[attention->kv]);
  }
}

void TrafficCount::find_spans(const Batch& batch) {
  spans_.clear();
  for (const BatchRow& row : batch.rows) {
    const auto span = std::find_if(spans_.rbegin(), spans_.rend(), [&](const Span& candidate) {
      return candidate.sequence == row.sequence;
    });
    if (span == spans_.rend()) {
      spans_.push_back({row.sequence, row.position, row.position});
    } else {
      span->last_position = row.position;
    }
  }
}

void TrafficCount::add(const Batch& batch) {
  const WeightBytes& weights = weights_[batch.logit_rows() != 0];
  total.weight_bytes += weights.first_row + (batch.rows.size() - 1) * weights.further_row;
  find_spans(batch);
  for (const KvState& kv : attended_) {
    const std::uint64_t each =
        kv.kv_heads * (kv_row_bytes(kv_, kv.key_width) + kv_row_bytes(kv_, kv.value_width));
    for (const Span& span : spans_) {
      std::uint64_t positions = span.first_position + 1;
      if (kv.window) positions = std::min<std::uint64_t>(positions, *kv.window);
      total.kv_bytes += each * (positions + span.last_position - span.first_position);
    }
  }
}

}  // namespace ceiling
