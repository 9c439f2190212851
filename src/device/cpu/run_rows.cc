#include "device/cpu/run_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "device/cpu/attend.h"
#include "quant/dequantise.h"

namespace ceiling::cpu {
namespace {

void apply_rope(const Machine& machine, const StepState& step, const HeadRope& rope,
                std::size_t row, const float* x, float* out) {
  const float* cosine = step.rope[rope.table] + row * rope.rotated;
  const float* sine = cosine + rope.rotated / 2;
  const auto turn = rope.layout == RopeLayout::halves ? machine.kernels->rope_halves
                                                      : machine.kernels->rope_adjacent;
  turn(x, cosine, sine, rope.rotated, out);
}

// The experts with the largest logits, ties to the lower number, and the softmax over those.
void route(const RouteRow& op, const float* logits, float* out) {
  float* chosen = out;
  float* share = out + op.used;
  for (std::uint32_t k = 0; k < op.used; ++k) {
    std::uint32_t best = op.experts;
    for (std::uint32_t e = 0; e < op.experts; ++e) {
      const bool taken = std::find(chosen, chosen + k, static_cast<float>(e)) != chosen + k;
      if (!taken && (best == op.experts || logits[e] > logits[best])) best = e;
    }
    chosen[k] = static_cast<float>(best);
    share[k] = std::exp(logits[best] - logits[static_cast<std::size_t>(chosen[0])]);
  }
  const float sum = std::accumulate(share, share + op.used, 0.0F);
  for (std::uint32_t k = 0; k < op.used; ++k) share[k] /= sum;
}

class RowRunner {
 public:
  RowRunner(const Machine& machine, const StepState& step, ThreadState& thread, std::size_t row)
      : machine_(machine), kernels_(*machine.kernels), step_(step), thread_(thread), row_(row) {}

  void operator()(const EmbedRow& op) const {
    const auto token = static_cast<std::size_t>(step_.batch->rows[row_].token);
    float* out = at(op.out);
    dequantise_row(op.type, op.table + token * op.row_bytes, out, op.width);
    if (op.scale != 1.0F) kernels_.scale(out, op.scale, op.width, out);
  }
  void operator()(const NormRow& op) const {
    for (std::size_t g = 0; g < op.groups; ++g) {
      kernels_.rms_norm(at(op.in) + g * op.group, op.norm.weight, op.norm.epsilon, op.group,
                        at(op.out) + g * op.group);
    }
  }
  void operator()(const RopeRow& op) const {
    const float* in = at(op.in);
    float* out = at(op.out);
    std::copy(in, in + op.width, out);
    for (std::size_t h = 0; h < op.heads; ++h) {
      float* head = out + h * op.head_width;
      apply_rope(machine_, step_, op.rope, row_, head, head);
    }
  }
  void operator()(const AppendRow& op) const {
    const BatchRow& row = step_.batch->rows[row_];
    const std::uint32_t page = (*step_.tables)[row.sequence][row.position / kPagePositions];
    for (std::uint32_t h = 0; h < op.heads; ++h) {
      machine_.kv->write(op.kv, page, row.position % kPagePositions, h,
                         at(op.key) + h * op.key_width, at(op.value) + h * op.value_width);
    }
  }
  void operator()(const GatedRow& op) const {
    const auto gate = op.activation == Activation::silu ? kernels_.silu_times : kernels_.gelu_times;
    gate(at(op.gate), at(op.up), op.width, at(op.out));
  }
  void operator()(const AddRow& op) const {
    kernels_.add(at(op.a), at(op.b), op.width, at(op.out));
  }
  void operator()(const SelectRow& op) const {
    const float* in = thread_.slots[op.in].row(step_.logit_row[row_]);
    std::copy(in, in + op.width, at(op.out));
  }
  void operator()(const SoftCapRow& op) const {
    kernels_.soft_cap(at(op.in), op.cap, op.width, at(op.out));
  }
  void operator()(const RouteRow& op) const { route(op, at(op.in), at(op.out)); }
  void operator()(const MergeRow& op) const {
    merge_row(machine_, step_, thread_.splits, op, row_, at(op.out));
  }

 private:
  float* at(VarId id) const { return thread_.slots[id].row(row_); }
  const Machine& machine_;
  const RowKernels& kernels_;
  const StepState& step_;
  ThreadState& thread_;
  std::size_t row_;
};

}  // namespace

void run_row(const Machine& machine, const StepState& step, ThreadState& thread,
             const RowStage& stage, std::size_t row) {
  const RowRunner runner(machine, step, thread, row);
  for (const RowOp& op : stage.ops) std::visit(runner, op);
}

void turn_head(const Machine& machine, const StepState& step, const std::optional<HeadNorm>& norm,
               const std::optional<HeadRope>& rope, std::size_t row, const float* x,
               std::size_t width, float* out) {
  if (norm) {
    machine.kernels->rms_norm(x, norm->weight, norm->epsilon, width, out);
  } else if (out != x) {
    std::copy(x, x + width, out);
  }
  if (rope) apply_rope(machine, step, *rope, row, out, out);
}

void fill_rope_tables(const Plan& plan, const StepState& step, std::size_t row) {
  const double position = step.batch->rows[row].position;
  for (std::size_t t = 0; t < plan.rope_tables.size(); ++t) {
    const RopeTable& table = plan.rope_tables[t];
    const std::size_t half = table.rotated / 2;
    float* cosine = step.rope[t] + row * table.rotated;
    for (std::size_t i = 0; i < half; ++i) {
      const double angle = position * table.frequencies[i];
      cosine[i] = static_cast<float>(std::cos(angle));
      cosine[half + i] = static_cast<float>(std::sin(angle));
    }
  }
}

}  // namespace ceiling::cpu
