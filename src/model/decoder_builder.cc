#include "model/decoder_builder.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling {
namespace {

std::uint32_t vocabulary_of(const ModelSource& source) {
  const auto found = source.tensors.find("token_embd.weight");
  if (found == source.tensors.end()) {
    fail(ExitCode::integrity,
         "'{}': tensor 'token_embd.weight' is missing: the file has no weights to run",
         source.metadata.label());
  }
  const std::uint64_t rows = found->second.rows;
  // Token numbers are signed 32-bit everywhere.
  if (rows > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max())) {
    fail(ExitCode::integrity, "'{}': tensor 'token_embd.weight' has {} rows, expected at most {}",
         source.metadata.label(), rows, std::numeric_limits<std::int32_t>::max());
  }
  return static_cast<std::uint32_t>(rows);
}

}  // namespace

TensorTable tensor_table(const gguf::File& file) {
  return tensor_table(file.tensors(), file.label());
}

TensorTable tensor_table(std::span<const gguf::TensorInfo> tensors, std::string_view label) {
  TensorTable out;
  for (const gguf::TensorInfo& tensor : tensors) {
    if (tensor.shape[3] != 1) {
      fail(ExitCode::failed, "'{}': tensor '{}' has four dimensions; expected at most three", label,
           printable(tensor.name, 64));
    }
    out.emplace(tensor.name, TensorShape{.type = tensor.type,
                                         .cols = tensor.shape[0],
                                         .rows = tensor.shape[1],
                                         .groups = tensor.shape[2],
                                         .dimensions = tensor.dimensions});
  }
  return out;
}

DecoderBuilder::DecoderBuilder(const ModelSource& source)
    : source_(source), hp_(read_hyperparameters(source.metadata)) {
  program_.architecture = hp_.architecture;
  program_.layers = hp_.layers;
  program_.width = hp_.width;
  program_.context_limit = hp_.context;
  program_.vocabulary = vocabulary_of(source);
}

AttentionStyle DecoderBuilder::attention_style() const {
  AttentionStyle style;
  style.rope_base = hp_.rope_base;
  style.position_scale = hp_.position_scale;
  style.scale = 1.0F / std::sqrt(static_cast<float>(hp_.key_width));
  return style;
}

ValueId DecoderBuilder::value(std::string_view name, std::uint64_t width, RowSet rows) {
  const auto next = static_cast<ValueId>(program_.values.size());
  const auto [found, inserted] = value_ids_.try_emplace({std::string(name), width, rows}, next);
  if (inserted) {
    program_.values.push_back(
        {.name = std::string(name), .width = static_cast<std::uint32_t>(width), .rows = rows});
  }
  return found->second;
}

WeightId DecoderBuilder::weight(const std::string& name, std::uint64_t rows, std::uint64_t cols,
                                std::uint64_t groups) {
  if (const auto known = weight_ids_.find(name); known != weight_ids_.end()) return known->second;
  const auto found = source_.tensors.find(name);
  if (found == source_.tensors.end()) {
    fail(ExitCode::integrity, "'{}': tensor '{}' is missing: architecture '{}' needs it",
         source_.metadata.label(), name, hp_.architecture);
  }
  const TensorShape& shape = found->second;
  if (shape.cols != cols || shape.rows != rows || shape.groups != groups) {
    fail(ExitCode::integrity, "'{}': tensor '{}' has shape [{}, {}, {}], expected [{}, {}, {}]",
         source_.metadata.label(), name, shape.cols, shape.rows, shape.groups, cols, rows, groups);
  }
  const auto id = static_cast<WeightId>(program_.weights.size());
  program_.weights.push_back(
      {.name = name, .type = shape.type, .rows = rows, .cols = cols, .groups = groups});
  weight_ids_.emplace(name, id);
  return id;
}

WeightId DecoderBuilder::vector(const std::string& name, std::uint64_t cols) {
  const WeightId id = weight(name, 1, cols);
  if (program_.weights[id].type != TensorType::F32) {
    fail(ExitCode::integrity, "'{}': tensor '{}' has type {}, expected F32",
         source_.metadata.label(), name, ceiling::name(program_.weights[id].type));
  }
  return id;
}

std::string DecoderBuilder::layer_tensor(std::string_view tensor) const {
  return fmt::format("blk.{}.{}", layer_, tensor);
}

void DecoderBuilder::step(const Operation& operation) {
  program_.steps.push_back({.operation = operation, .layer = layer_});
}

ValueId DecoderBuilder::matmul(std::string_view tensor, std::string_view out, std::uint64_t width,
                               Biases biases) {
  const std::uint32_t in_width = program_.values[branch_].width;
  MatMul operation{};
  operation.in = branch_;
  operation.weight = weight(layer_tensor(fmt::format("{}.weight", tensor)), width, in_width);
  const std::string bias = layer_tensor(fmt::format("{}.bias", tensor));
  if (biases == Biases::required || source_.tensors.contains(bias)) {
    operation.bias = vector(bias, width);
  }
  operation.out = value(out, width, rows_);
  step(operation);
  return operation.out;
}

void DecoderBuilder::embed(float scale) {
  residual_ = value("residual", hp_.width, RowSet::batch);
  const WeightId table = weight("token_embd.weight", program_.vocabulary, hp_.width);
  step(Embed{.table = table, .out = residual_, .scale = scale});
}

void DecoderBuilder::begin_layer(std::uint32_t layer) {
  layer_ = static_cast<std::int32_t>(layer);
  program_.kv.push_back({.layer = layer,
                         .kv_heads = hp_.kv_heads[layer],
                         .key_width = hp_.key_width,
                         .value_width = hp_.value_width,
                         .window = std::nullopt});
}

void DecoderBuilder::norm(std::string_view tensor) {
  branch_ = value("branch", hp_.width, rows_);
  const std::string name = layer_ < 0 ? fmt::format("{}.weight", tensor)
                                      : layer_tensor(fmt::format("{}.weight", tensor));
  step(RmsNorm{.in = residual_,
               .weight = vector(name, hp_.width),
               .out = branch_,
               .epsilon = hp_.epsilon,
               .group = hp_.width});
}

void DecoderBuilder::branch_norm(std::string_view tensor) {
  step(RmsNorm{.in = branch_,
               .weight = vector(layer_tensor(fmt::format("{}.weight", tensor)), hp_.width),
               .out = branch_,
               .epsilon = hp_.epsilon,
               .group = hp_.width});
}

void DecoderBuilder::attention(const AttentionStyle& style) {
  const auto layer = static_cast<std::uint32_t>(layer_);
  const auto kv_id = static_cast<KvId>(program_.kv.size() - 1);
  program_.kv.back().window = style.window;
  const std::uint32_t heads = hp_.heads[layer];
  const std::uint32_t kv_heads = hp_.kv_heads[layer];
  const std::uint64_t key_width = hp_.key_width;
  const std::uint64_t value_width = hp_.value_width;

  const ValueId query = matmul("attn_q", "query", heads * key_width, style.biases);
  const ValueId key = matmul("attn_k", "key", kv_heads * key_width, style.biases);
  const ValueId values = matmul("attn_v", "value", kv_heads * value_width, style.biases);
  const auto turn = [&](ValueId target, std::uint32_t count, std::string_view norm_tensor) {
    if (style.head_norms) {
      step(RmsNorm{.in = target,
                   .weight = vector(layer_tensor(norm_tensor), key_width),
                   .out = target,
                   .epsilon = hp_.epsilon,
                   .group = hp_.key_width});
    }
    Rope rope{.value = target,
              .heads = count,
              .head_width = hp_.key_width,
              .rotated = hp_.rotated,
              .base = style.rope_base,
              .position_scale = style.position_scale,
              .frequency_divisors = std::nullopt,
              .layout = style.layout};
    if (source_.tensors.contains("rope_freqs.weight")) {
      rope.frequency_divisors = vector("rope_freqs.weight", hp_.rotated / 2);
    }
    step(rope);
  };
  turn(query, heads, "attn_q_norm.weight");
  turn(key, kv_heads, "attn_k_norm.weight");
  step(KvAppend{.key = key, .value = values, .kv = kv_id});
  branch_ = value("attended", heads * value_width, RowSet::batch);
  step(Attention{.query = query,
                 .out = branch_,
                 .kv = kv_id,
                 .heads = heads,
                 .scale = style.scale,
                 .soft_cap = std::nullopt});
  if (layer + 1 == hp_.layers) select_rows(branch_);
  branch_ = matmul("attn_output", "branch", hp_.width);
}

void DecoderBuilder::select_rows(ValueId attended) {
  rows_ = RowSet::logits;
  branch_ = value("attended", program_.values[attended].width, rows_);
  step(SelectRows{.in = attended, .out = branch_});
  const ValueId residual = value("residual", hp_.width, rows_);
  step(SelectRows{.in = residual_, .out = residual});
  residual_ = residual;
}

// down(activation(gate) * up) of the tensors ffn_gate<suffix> and so on.
ValueId DecoderBuilder::gated(std::string_view suffix, std::uint64_t width, Activation activation,
                              std::string_view out) {
  const ValueId in = branch_;
  const ValueId gate = matmul(fmt::format("ffn_gate{}", suffix), "gate", width);
  const ValueId up = matmul(fmt::format("ffn_up{}", suffix), "up", width);
  step(GatedActivation{.gate = gate, .up = up, .out = gate, .activation = activation});
  branch_ = gate;
  const ValueId result = matmul(fmt::format("ffn_down{}", suffix), out, hp_.width);
  branch_ = in;
  return result;
}

void DecoderBuilder::feed_forward(Activation activation) {
  branch_ = gated("", hp_.feed_forward[static_cast<std::uint32_t>(layer_)], activation, "branch");
}

void DecoderBuilder::expert_feed_forward(std::uint32_t used, Activation activation) {
  const auto shape_of = [&](std::string_view tensor) {
    const auto found = source_.tensors.find(layer_tensor(tensor));
    return found == source_.tensors.end() ? TensorShape{.rows = 0, .groups = 0} : found->second;
  };
  const TensorShape experts = shape_of("ffn_gate_exps.weight");
  const std::uint64_t width = experts.rows;
  const ValueId in = branch_;
  const ValueId logits = matmul("ffn_gate_inp", "router", experts.groups);
  const ValueId routing = value("routing", std::uint64_t{2} * used, rows_);
  step(Route{.logits = logits,
             .out = routing,
             .experts = static_cast<std::uint32_t>(experts.groups),
             .used = used});
  const auto grouped = [&](std::string_view tensor, ValueId from, std::uint64_t rows,
                           std::uint64_t cols, std::string_view out, bool last) {
    const WeightId matrix =
        weight(layer_tensor(fmt::format("{}.weight", tensor)), rows, cols, experts.groups);
    const ValueId target = value(out, last ? rows : used * rows, rows_);
    step(GroupedMatMul{.in = from,
                       .routing = routing,
                       .weight = matrix,
                       .out = target,
                       .in_apart = last,
                       .combine = last});
    return target;
  };
  const ValueId gate = grouped("ffn_gate_exps", in, width, hp_.width, "gates", false);
  const ValueId up = grouped("ffn_up_exps", in, width, hp_.width, "ups", false);
  step(GatedActivation{.gate = gate, .up = up, .out = gate, .activation = activation});
  const ValueId mixed = grouped("ffn_down_exps", gate, hp_.width, width, "mixed", true);
  const std::uint64_t shared = shape_of("ffn_gate_shexp.weight").rows;
  if (shared > 0) {
    const ValueId beside = gated("_shexp", shared, activation, "shared");
    step(Add{.a = mixed, .b = beside, .out = mixed});
  }
  branch_ = mixed;
}

void DecoderBuilder::add() { step(Add{.a = residual_, .b = branch_, .out = residual_}); }

void DecoderBuilder::logits(std::optional<float> soft_cap) {
  layer_ = -1;
  norm("output_norm");
  const bool untied = source_.tensors.contains("output.weight");
  const WeightId matrix =
      weight(untied ? "output.weight" : "token_embd.weight", program_.vocabulary, hp_.width);
  program_.logits = value("logits", program_.vocabulary, RowSet::logits);
  step(MatMul{.in = branch_, .weight = matrix, .bias = std::nullopt, .out = program_.logits});
  if (soft_cap) step(SoftCap{.value = program_.logits, .cap = *soft_cap});
}

Program DecoderBuilder::finish() {
  for (const auto& [name, shape] : source_.tensors) {
    if (!weight_ids_.contains(name)) {
      fail(ExitCode::failed,
           "'{}': tensor '{}' has no place in architecture '{}': the file describes a variant that "
           "is not supported",
           source_.metadata.label(), printable(name, 64), hp_.architecture);
    }
  }
  validate(program_);
  return std::move(program_);
}

}  // namespace ceiling
