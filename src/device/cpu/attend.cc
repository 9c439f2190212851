#include "device/cpu/attend.h"

#include <algorithm>
#include <cmath>

#include "device/cpu/row_shares.h"
#include "device/cpu/run_rows.h"

namespace ceiling::cpu {
namespace {

constexpr float kLowest = -3.0e38F;

struct PageRange {
  std::size_t begin = 0, end = 0;
};

class AttentionRunner {
 public:
  AttentionRunner(const Machine& machine, StepState& step, ThreadState& thread, Team& team,
                  const AttentionPhase& phase)
      : machine_(machine),
        step_(step),
        thread_(thread),
        team_(team),
        phase_(phase),
        group_(phase.group()),
        key_width_(phase.shape.key_width),
        value_pitch_(machine.kv->value_pitch(phase.kv)) {}

  void run(const PhaseQueues& queues) {
    const bool turned = !phase_.query_norm && !phase_.query_rope;
    at_once_ = step_.distinct || (turned && !phase_.append);
    if (!at_once_) turn_and_append();
    const std::size_t blocks = step_.blocks.size();
    const std::size_t heads = phase_.shape.kv_heads;
    std::size_t most_pages = 1;
    for (const QueryBlock& block : step_.blocks) {
      const PageRange pages = pages_of(block);
      most_pages = std::max(most_pages, pages.end - pages.begin);
    }
    splits_ = std::clamp<std::size_t>(kSplitItems / (blocks * heads), 1, most_pages);
    thread_.splits = splits_;
    const std::size_t items = blocks * heads * splits_;
    if (step_.rows == 1) {
      const auto share = [&](unsigned t) { return share_of(items, t, team_.threads(), 1); };
      queues.work_off(
          team_, [&](unsigned t) { return share(t).end - share(t).begin; },
          [&](unsigned t, std::size_t i) { run_item(share(t).begin + i); });
      return;
    }
    for (;;) {  // the last blocks see the most positions: they go first
      const std::size_t taken = queues.take_common();
      if (taken >= items) return;
      run_item(items - 1 - taken);
    }
  }

 private:
  const BatchRow& row(std::size_t r) const { return step_.batch->rows[r]; }
  const float* var(VarId id, std::size_t r) const { return thread_.slots[id].row(r); }

  // Positions from here on are seen from `position`.
  std::size_t first_visible(std::size_t position) const {
    if (!phase_.shape.window || position + 1 <= *phase_.shape.window) return 0;
    return position + 1 - *phase_.shape.window;
  }
  PageRange pages_of(const QueryBlock& block) const {
    return {first_visible(row(block.first).position) / kPagePositions,
            row(block.first + block.rows - 1).position / kPagePositions + 1};
  }

  // Where rows may see each other: all keys and values go to the cache before any is read.
  void turn_and_append() {
    const RowRange mine = share_of(step_.rows, team_.index(), team_.threads(), 1);
    for (std::size_t r = mine.begin; r < mine.end; ++r) {
      float* ready = thread_.slots[phase_.ready_query].row(r);
      for (std::size_t h = 0; h < phase_.heads; ++h) {
        turn_head(machine_, step_, phase_.query_norm, phase_.query_rope, r,
                  var(phase_.query, r) + h * key_width_, key_width_, ready + h * key_width_);
      }
      for (std::uint32_t h = 0; phase_.append && h < phase_.shape.kv_heads; ++h) append(r, h);
    }
    thread_.clock.mark(phase_.line);
    team_.barrier();
    thread_.clock.mark(wait_line(*machine_.plan));
  }

  void append(std::size_t r, std::uint32_t head) {
    const BatchRow& at = row(r);
    turn_head(machine_, step_, phase_.key_norm, phase_.key_rope, r,
              var(phase_.key, r) + head * key_width_, key_width_, thread_.head);
    const std::uint32_t page = (*step_.tables)[at.sequence][at.position / kPagePositions];
    machine_.kv->write(phase_.kv, page, at.position % kPagePositions, head, thread_.head,
                       var(phase_.value, r) + std::size_t{head} * phase_.shape.value_width);
  }

  // The block's queries of one KV head, turned and scaled.
  void gather(const QueryBlock& block, std::size_t head) {
    float* out = thread_.query;
    for (std::size_t r = block.first; r < block.first + block.rows; ++r) {
      for (std::size_t g = 0; g < group_; ++g, out += key_width_) {
        const std::size_t offset = (head * group_ + g) * key_width_;
        const float* in = var(phase_.ready_query, r) + offset;
        if (at_once_) {
          turn_head(machine_, step_, phase_.query_norm, phase_.query_rope, r,
                    var(phase_.query, r) + offset, key_width_, out);
          in = out;
        }
        machine_.kernels->scale(in, phase_.scale, key_width_, out);
      }
    }
  }

  void run_item(std::size_t item) {
    const std::size_t split = item % splits_;
    const auto head = static_cast<std::uint32_t>(item / splits_ % phase_.shape.kv_heads);
    const QueryBlock& block = step_.blocks[item / splits_ / phase_.shape.kv_heads];
    const std::size_t queries = block.rows * group_;
    const std::size_t first =
        block.first * phase_.heads * splits_ + (head * splits_ + split) * queries;
    const AttentionState state{.query = thread_.query,
                               .largest = step_.partials.largest + first,
                               .sum = step_.partials.sum + first,
                               .weighted = step_.partials.weighted + first * value_pitch_,
                               .visible = thread_.visible.data(),
                               .queries = queries,
                               .key_width = key_width_,
                               .value_pitch = value_pitch_,
                               .soft_cap = phase_.soft_cap};
    std::fill_n(state.largest, queries, kLowest);
    std::fill_n(state.sum, queries, 0.0F);
    std::fill_n(state.weighted, queries * value_pitch_, 0.0F);

    const PageRange all = pages_of(block);
    const std::size_t each = (all.end - all.begin + splits_ - 1) / splits_;
    const std::size_t begin = all.begin + split * each;
    const std::size_t end = std::min(begin + each, all.end);
    if (begin >= end) return;
    if (at_once_ && phase_.append && end == all.end) append(block.first, head);
    gather(block, head);
    for (std::size_t page = begin; page < end; ++page) attend(state, block, head, page);
  }

  void attend(const AttentionState& state, const QueryBlock& block, std::uint32_t head,
              std::size_t page) {
    const std::size_t start = page * kPagePositions;
    const auto within = [&](std::size_t position) {
      return static_cast<std::uint32_t>(
          std::clamp<std::size_t>(position, start, start + kPagePositions) - start);
    };
    for (std::size_t i = 0; i < block.rows; ++i) {
      const std::size_t position = row(block.first + i).position;
      const Visible seen{within(first_visible(position)), within(position + 1)};
      std::fill_n(thread_.visible.begin() + static_cast<std::ptrdiff_t>(i * group_), group_, seen);
    }
    const std::uint32_t stored = (*step_.tables)[block.sequence][page];
    if (machine_.kv->type() == KvType::f16) {
      machine_.kernels->attend_half(state, machine_.kv->half_page(phase_.kv, stored, head));
    } else {
      machine_.kernels->attend_q8(state, machine_.kv->q8_page(phase_.kv, stored, head));
    }
  }

  const Machine& machine_;
  StepState& step_;
  ThreadState& thread_;
  Team& team_;
  const AttentionPhase& phase_;
  std::size_t group_, key_width_, value_pitch_;
  std::size_t splits_ = 1;
  bool at_once_ = false;  // an item turns and appends what it needs
};

}  // namespace

void run_attention(const Machine& machine, StepState& step, ThreadState& thread, Team& team,
                   const AttentionPhase& phase, const PhaseQueues& queues) {
  AttentionRunner(machine, step, thread, team, phase).run(queues);
}

void merge_row(const Machine& machine, const StepState& step, std::size_t splits,
               const MergeRow& op, std::size_t row, float* out) {
  const QueryBlock& block = step.blocks[step.block_of_row[row]];
  const std::size_t queries = block.rows * op.group;
  const std::size_t pitch = machine.kv->value_pitch(op.kv);
  const Partials& partials = step.partials;
  for (std::size_t h = 0; h < op.heads; ++h) {
    const std::size_t first = block.first * op.heads * splits + h / op.group * splits * queries +
                              (row - block.first) * op.group + h % op.group;
    const auto at = [&](std::size_t split) { return first + split * queries; };
    float largest = kLowest;
    for (std::size_t s = 0; s < splits; ++s) {
      if (partials.sum[at(s)] > 0) largest = std::max(largest, partials.largest[at(s)]);
    }
    float sum = 0;
    for (std::size_t s = 0; s < splits; ++s) {
      sum += partials.sum[at(s)] * std::exp(partials.largest[at(s)] - largest);
    }
    float* const head = out + h * op.value_width;
    std::fill_n(head, op.value_width, 0.0F);
    for (std::size_t s = 0; s < splits; ++s) {
      if (partials.sum[at(s)] == 0) continue;
      const float factor = std::exp(partials.largest[at(s)] - largest) / sum;
      machine.kernels->add_scaled(partials.weighted + at(s) * pitch, factor, op.value_width, head);
    }
  }
}

}  // namespace ceiling::cpu
