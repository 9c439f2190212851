#include "device/cpu/row_ops.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "quant/dequantise.h"

namespace ceiling::cpu {

void RowOps::add(RowWork& work, const RowOp& op, RowSet rows) const {
  // A selection reads other rows than its own: what it reads must be complete.
  if (work.stages.empty() || work.stages.back().rows != rows) {
    work.stages.push_back({.rows = rows, .once = false, .ops = {}});
  }
  RowStage& stage = work.stages.back();
  stage.ops.push_back(op);
  if (std::holds_alternative<AppendRow>(op)) stage.once = true;
}

void RowOps::add_step(RowWork& work, std::size_t step) {
  const VarId out = flow_.out(step);
  add(work, row_op(step), out == kNoVar ? RowSet::batch : flow_[out].rows);
}

// GGUF aligns tensors to at least a float; other types are unpacked once.
const float* RowOps::vector(WeightId weight) {
  const Weight& w = program_.weights[weight];
  const std::byte* data = weights_.data(weight);
  if (w.type == TensorType::F32) return reinterpret_cast<const float*>(data);
  std::vector<float> unpacked(w.rows * w.cols);
  dequantise_row(w.type, data, unpacked.data(), unpacked.size());
  plan_.vectors.push_back(std::move(unpacked));
  return plan_.vectors.back().data();
}

Matrix RowOps::matrix(WeightId weight) const {
  const Weight& w = program_.weights[weight];
  Matrix out;
  out.shape = {.type = w.type, .rows = w.rows, .cols = w.cols};
  out.weights = weights_.data(weight);
  return out;
}

Matrix RowOps::matrix(const ceiling::MatMul& product) {
  Matrix out = matrix(product.weight);
  out.shape.two_terms = takes_two_terms(out.shape.type, out.shape.rows, out.shape.cols);
  if (product.bias) out.bias = vector(*product.bias);
  return out;
}

HeadNorm RowOps::head_norm(const RmsNorm& norm) {
  return {.weight = vector(norm.weight), .epsilon = norm.epsilon};
}

HeadRope RowOps::head_rope(const Rope& rope) {
  RopeTable table{.rotated = rope.rotated,
                  .base = rope.base,
                  .position_scale = rope.position_scale,
                  .divisors = nullptr,
                  .frequencies = {}};
  if (rope.frequency_divisors) table.divisors = vector(*rope.frequency_divisors);
  auto& tables = plan_.rope_tables;
  auto it = std::find_if(tables.begin(), tables.end(), [&](const RopeTable& t) {
    return t.rotated == table.rotated && t.base == table.base &&
           t.position_scale == table.position_scale && t.divisors == table.divisors;
  });
  if (it == tables.end()) {
    for (std::uint32_t i = 0; i < table.rotated / 2; ++i) {
      const double power = -2.0 * i / table.rotated;
      const double divisor = table.divisors != nullptr ? table.divisors[i] : 1.0;
      table.frequencies.push_back(table.position_scale * std::pow(double{table.base}, power) /
                                  divisor);
    }
    it = tables.insert(it, std::move(table));
  }
  return {.table = static_cast<std::uint32_t>(it - tables.begin()),
          .rotated = rope.rotated,
          .layout = rope.layout};
}

RowOp RowOps::row_op(std::size_t step) {
  const Operation& operation = program_.steps[step].operation;
  const VarId out = flow_.out(step);
  const std::uint32_t width = out == kNoVar ? 0 : flow_[out].width;
  if (const auto* embed = std::get_if<Embed>(&operation)) {
    const Weight& table = program_.weights[embed->table];
    return EmbedRow{.table = weights_.data(embed->table),
                    .type = table.type,
                    .row_bytes = row_bytes(table.type, table.cols),
                    .scale = embed->scale,
                    .width = width,
                    .out = out};
  }
  if (const auto* norm = std::get_if<RmsNorm>(&operation)) {
    return NormRow{.norm = head_norm(*norm),
                   .group = norm->group,
                   .groups = width / norm->group,
                   .in = flow_.in(step),
                   .out = out};
  }
  if (const auto* rope = std::get_if<Rope>(&operation)) {
    return RopeRow{.rope = head_rope(*rope),
                   .heads = rope->heads,
                   .head_width = rope->head_width,
                   .width = width,
                   .in = flow_.in(step),
                   .out = out};
  }
  if (const auto* append = std::get_if<KvAppend>(&operation)) {
    const KvState& kv = program_.kv[append->kv];
    return AppendRow{.kv = append->kv,
                     .heads = kv.kv_heads,
                     .key_width = kv.key_width,
                     .value_width = kv.value_width,
                     .key = flow_.in(step, 0),
                     .value = flow_.in(step, 1)};
  }
  if (const auto* gated = std::get_if<GatedActivation>(&operation)) {
    return GatedRow{.activation = gated->activation,
                    .width = width,
                    .gate = flow_.in(step, 0),
                    .up = flow_.in(step, 1),
                    .out = out};
  }
  if (std::holds_alternative<Add>(operation)) {
    return AddRow{.width = width, .a = flow_.in(step, 0), .b = flow_.in(step, 1), .out = out};
  }
  if (std::holds_alternative<SelectRows>(operation)) {
    return SelectRow{.width = width, .in = flow_.in(step), .out = out};
  }
  if (const auto* cap = std::get_if<SoftCap>(&operation)) {
    return SoftCapRow{.cap = cap->cap, .width = width, .in = flow_.in(step), .out = out};
  }
  if (const auto* route = std::get_if<Route>(&operation)) {
    return RouteRow{
        .experts = route->experts, .used = route->used, .in = flow_.in(step), .out = out};
  }
  fail(ExitCode::failed, "step {} ({}) is no operation on single rows", step, kind_name(operation));
}

}  // namespace ceiling::cpu
