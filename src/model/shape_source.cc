#include "model/shape_source.h"

#include <fmt/core.h>

#include "model/architectures/architectures.h"

namespace ceiling {
namespace {

void add_layer(const Shape& shape, std::string_view recipe, std::uint32_t layer, TensorTable& out) {
  const std::uint64_t query_width = std::uint64_t{shape.heads} * shape.head_width;
  const std::uint64_t kv_width = std::uint64_t{shape.kv_heads} * shape.head_width;
  const auto matrix = [&](std::string_view tensor, std::uint64_t cols, std::uint64_t rows,
                          std::uint32_t groups = 1) {
    const std::string name = fmt::format("blk.{}.{}.weight", layer, tensor);
    out[name] = {.type = recipe_type(recipe, shape, name, rows, cols),
                 .cols = cols,
                 .rows = rows,
                 .groups = groups,
                 .dimensions = groups > 1 ? 3U : 2U};
  };
  const auto vector = [&](std::string_view tensor, std::uint64_t cols) {
    out[fmt::format("blk.{}.{}", layer, tensor)] = {
        .type = TensorType::F32, .cols = cols, .dimensions = 1};
  };
  vector("attn_norm.weight", shape.width);
  matrix("attn_q", shape.width, query_width);
  matrix("attn_k", shape.width, kv_width);
  matrix("attn_v", shape.width, kv_width);
  if (shape.architecture == "qwen2") {
    vector("attn_q.bias", query_width);
    vector("attn_k.bias", kv_width);
    vector("attn_v.bias", kv_width);
  }
  if (shape.architecture == "qwen3" || shape.architecture == "gemma3") {
    vector("attn_q_norm.weight", shape.head_width);
    vector("attn_k_norm.weight", shape.head_width);
  }
  matrix("attn_output", query_width, shape.width);
  if (shape.architecture == "gemma3") vector("post_attention_norm.weight", shape.width);
  vector("ffn_norm.weight", shape.width);
  const ExpertShape& experts = shape.experts;
  if (experts.count == 0) {
    matrix("ffn_gate", shape.width, shape.feed_forward);
    matrix("ffn_up", shape.width, shape.feed_forward);
    matrix("ffn_down", shape.feed_forward, shape.width);
  } else {
    matrix("ffn_gate_inp", shape.width, experts.count);
    matrix("ffn_gate_exps", shape.width, experts.feed_forward, experts.count);
    matrix("ffn_up_exps", shape.width, experts.feed_forward, experts.count);
    matrix("ffn_down_exps", experts.feed_forward, shape.width, experts.count);
  }
  if (experts.shared_feed_forward > 0) {
    matrix("ffn_gate_shexp", shape.width, experts.shared_feed_forward);
    matrix("ffn_up_shexp", shape.width, experts.shared_feed_forward);
    matrix("ffn_down_shexp", experts.shared_feed_forward, shape.width);
  }
  if (shape.architecture == "gemma3") vector("post_ffw_norm.weight", shape.width);
}

}  // namespace

gguf::Metadata shape_metadata(const Shape& shape) {
  gguf::Metadata out(shape.name);
  const auto text = [&](std::string key, std::string_view value) {
    out.insert(std::move(key), {.type = gguf::ValueType::string, .data = value});
  };
  const auto key = [&](std::string_view name) {
    return architecture_key(shape.architecture, name);
  };
  const auto count = [&](std::string_view name, std::uint64_t value) {
    out.insert(key(name), {.type = gguf::ValueType::u32, .data = value});
  };
  const auto number = [&](std::string_view name, float value) {
    out.insert(key(name), {.type = gguf::ValueType::f32, .data = double{value}});
  };
  text("general.architecture", shape.architecture);
  count("block_count", shape.layers);
  count("context_length", shape.context);
  count("embedding_length", shape.width);
  count("feed_forward_length", shape.feed_forward);
  count("attention.head_count", shape.heads);
  count("attention.head_count_kv", shape.kv_heads);
  count("attention.key_length", shape.head_width);
  count("attention.value_length", shape.head_width);
  count("rope.dimension_count", shape.head_width);
  count("vocab_size", shape.vocabulary);
  number("rope.freq_base", shape.rope_base);
  if (shape.window > 0) {
    count("attention.sliding_window", shape.window);
    count("attention.sliding_window_pattern", shape.global_period);
  }
  if (shape.experts.count > 0) {
    count("expert_count", shape.experts.count);
    count("expert_used_count", shape.experts.used);
  }
  number("attention.layer_norm_rms_epsilon", shape.architecture == "qwen2" ? 1e-6F : 1e-5F);
  return out;
}

TensorTable shape_tensors(const Shape& shape, std::string_view recipe) {
  TensorTable out;
  const auto table = [&](const std::string& name) {
    out[name] = {.type = recipe_type(recipe, shape, name, shape.vocabulary, shape.width),
                 .cols = shape.width,
                 .rows = shape.vocabulary};
  };
  table("token_embd.weight");
  if (!shape.tied_embeddings) table("output.weight");
  out["output_norm.weight"] = {.type = TensorType::F32, .cols = shape.width, .dimensions = 1};
  for (std::uint32_t layer = 0; layer < shape.layers; ++layer) add_layer(shape, recipe, layer, out);
  return out;
}

Program shape_program(const Shape& shape, std::string_view recipe) {
  const gguf::Metadata metadata = shape_metadata(shape);
  const TensorTable tensors = shape_tensors(shape, recipe);
  const ModelSource source{.metadata = metadata, .tensors = tensors};
  return shape.experts.count > 0 ? build_expert_decoder(source) : build_architecture(source);
}

}  // namespace ceiling
