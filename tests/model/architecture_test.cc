#include "model/architecture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "model/tiny_model.h"
#include "model/weights.h"

namespace ceiling {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> kinds_of_layer(const Program& program, std::int32_t layer) {
  std::vector<std::string> out;
  for (const Step& step : program.steps) {
    if (step.layer == layer) out.emplace_back(kind_name(step.operation));
  }
  return out;
}

template <typename Operation>
std::vector<Operation> all_of(const Program& program) {
  std::vector<Operation> out;
  for (const Step& step : program.steps) {
    if (const auto* found = std::get_if<Operation>(&step.operation)) out.push_back(*found);
  }
  return out;
}

void expect_error(const TinyModel& model, ExitCode code, const std::string& part) {
  const auto file = model.open();
  try {
    build_program(*file);
    FAIL() << "no error; expected one with: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(part));
  }
}

TEST(Architecture, LlamaIsAPlainDecoder) {
  const Program program = build_program(*TinyModel::make("llama").open());
  EXPECT_EQ(program.layers, 2U);
  EXPECT_EQ(program.width, 64U);
  EXPECT_EQ(program.vocabulary, 50U);
  EXPECT_EQ(program.context_limit, 128U);
  EXPECT_THAT(kinds_of_layer(program, 0),
              ElementsAre("norm", "matmul", "matmul", "matmul", "rope", "rope", "kv_append",
                          "attention", "matmul", "add", "norm", "matmul", "matmul",
                          "gated_activation", "matmul", "add"));
  EXPECT_THAT(kinds_of_layer(program, -1), ElementsAre("embed", "norm", "matmul"));
  for (const Rope& rope : all_of<Rope>(program)) {
    EXPECT_EQ(rope.layout, RopeLayout::adjacent);
    EXPECT_EQ(rope.rotated, 16U);
    EXPECT_EQ(rope.position_scale, 1.0F);
  }
  for (const Attention& attention : all_of<Attention>(program)) {
    EXPECT_EQ(attention.scale, 0.25F);  // heads of 16
  }
}

// Rows that nobody will read stop in the last layer, once their keys and values are stored.
TEST(Architecture, OnlyLogitRowsLeaveTheLastAttention) {
  const Program program = build_program(*TinyModel::make("llama").open());
  const auto kinds = kinds_of_layer(program, 1);
  const auto attention = std::find(kinds.begin(), kinds.end(), "attention");
  EXPECT_EQ(*(attention + 1), "select_rows");
  EXPECT_EQ(*(attention + 2), "select_rows");
  EXPECT_EQ(program.values[program.logits].rows, RowSet::logits);
  const auto activations = all_of<GatedActivation>(program);
  EXPECT_EQ(program.values[activations[0].out].rows, RowSet::batch);
  EXPECT_EQ(program.values[activations[1].out].rows, RowSet::logits);
}

TEST(Architecture, TiedOutputUsesTheEmbeddingTable) {
  TinyModel model = TinyModel::make("llama");
  model.tensors.erase("output.weight");
  const Program program = build_program(*model.open());
  EXPECT_EQ(all_of<MatMul>(program).back().weight, all_of<Embed>(program).front().table);
}

TEST(Architecture, Qwen2NeedsItsBiases) {
  TinyModel model = TinyModel::make("qwen2");
  const Program program = build_program(*model.open());
  EXPECT_TRUE(all_of<MatMul>(program).front().bias.has_value());
  EXPECT_EQ(all_of<Rope>(program).front().layout, RopeLayout::halves);
  model.tensors.erase("blk.1.attn_k.bias");
  expect_error(model, ExitCode::integrity, "'blk.1.attn_k.bias' is missing");
}

TEST(Architecture, Qwen3NormalisesHeads) {
  const Program program = build_program(*TinyModel::make("qwen3").open());
  EXPECT_THAT(kinds_of_layer(program, 0),
              ElementsAre("norm", "matmul", "matmul", "matmul", "norm", "rope", "norm", "rope",
                          "kv_append", "attention", "matmul", "add", "norm", "matmul", "matmul",
                          "gated_activation", "matmul", "add"));
  EXPECT_EQ(all_of<RmsNorm>(program)[1].group, 16U);
}

TEST(Architecture, Gemma3AlternatesLocalAndGlobalLayers) {
  TinyModel model = TinyModel::make("gemma3", 7);
  model.numbers["rope.freq_base"] = 1000000.0F;
  model.strings["rope.scaling.type"] = "linear";
  model.numbers["rope.scaling.factor"] = 8.0F;
  const Program program = build_program(*model.open());
  EXPECT_EQ(all_of<Embed>(program).front().scale, 8.0F);  // sqrt(64)
  const auto ropes = all_of<Rope>(program);               // query and key of each layer
  for (std::uint32_t layer = 0; layer < 7; ++layer) {
    const bool global = layer == 5;
    EXPECT_EQ(program.kv[layer].window.has_value(), !global) << layer;
    EXPECT_EQ(ropes[2 * layer].base, global ? 1000000.0F : 10000.0F) << layer;
    EXPECT_EQ(ropes[2 * layer].position_scale, global ? 0.125F : 1.0F) << layer;
  }
  EXPECT_EQ(*program.kv[0].window, 8U);
  EXPECT_EQ(all_of<GatedActivation>(program).front().activation, Activation::gelu_tanh);
}

TEST(Architecture, HeadsMayBeWiderThanTheirShare) {
  TinyModel model = TinyModel::make("llama", 1);
  model.integers["attention.key_length"] = 32;
  model.integers["attention.value_length"] = 8;
  model.integers["rope.dimension_count"] = 16;
  model.tensors["blk.0.attn_q.weight"] = {{64, 4 * 32}};
  model.tensors["blk.0.attn_k.weight"] = {{64, 2 * 32}};
  model.tensors["blk.0.attn_v.weight"] = {{64, 2 * 8}};
  model.tensors["blk.0.attn_output.weight"] = {{4 * 8, 64}};
  const Program program = build_program(*model.open());
  EXPECT_EQ(program.kv[0].key_width, 32U);
  EXPECT_EQ(program.kv[0].value_width, 8U);
  EXPECT_EQ(all_of<Rope>(program).front().rotated, 16U);
  EXPECT_EQ(all_of<Rope>(program).front().head_width, 32U);
}

TEST(Architecture, HeadCountsMayDifferByLayer) {
  TinyModel model = TinyModel::make("llama");
  model.integers.erase("attention.head_count_kv");
  model.lists["attention.head_count_kv"] = {2, 1};
  model.tensors["blk.1.attn_k.weight"] = {{64, 16}};
  model.tensors["blk.1.attn_v.weight"] = {{64, 16}};
  const Program program = build_program(*model.open());
  EXPECT_EQ(program.kv[0].kv_heads, 2U);
  EXPECT_EQ(program.kv[1].kv_heads, 1U);
}

TEST(Architecture, Llama3DividesItsFrequencies) {
  TinyModel model = TinyModel::make("llama");
  model.tensors["rope_freqs.weight"] = {{8}};
  const Program program = build_program(*model.open());
  for (const Rope& rope : all_of<Rope>(program)) EXPECT_TRUE(rope.frequency_divisors.has_value());
  model.tensors["rope_freqs.weight"] = {{16}};
  expect_error(model, ExitCode::integrity, "rope_freqs.weight");
}

TEST(Architecture, OnlyTheResidualStreamCrossesLayers) {
  for (const auto* architecture : {"llama", "qwen2", "qwen3", "gemma3"}) {
    const Program program = build_program(*TinyModel::make(architecture, 3).open());
    for (std::size_t i = 1; i < program.steps.size(); ++i) {
      if (program.steps[i].layer == program.steps[i - 1].layer) continue;
      const auto across = values_across(program, i);
      ASSERT_EQ(across.size(), 1U) << architecture << " step " << i;
      EXPECT_EQ(program.values[across[0]].name, "residual");
    }
    EXPECT_TRUE(values_across(program, 0).empty());
    EXPECT_TRUE(values_across(program, program.steps.size()).empty());
  }
}

TEST(Architecture, HostileNumbersAreNamed) {
  const auto with = [](const std::string& key, std::uint32_t value) {
    TinyModel model = TinyModel::make("llama");
    model.integers[key] = value;
    return model;
  };
  const auto bad = ExitCode::integrity;
  expect_error(with("attention.head_count", 0), bad, "'llama.attention.head_count' is 0");
  expect_error(with("attention.head_count_kv", 0), bad, "'llama.attention.head_count_kv' is 0");
  expect_error(with("attention.head_count_kv", 3), bad, "does not divide the 4 attention heads");
  expect_error(with("attention.head_count", 5), bad, "does not divide the width 64");
  expect_error(with("block_count", 0), bad, "'llama.block_count' is 0");
  expect_error(with("block_count", 4294967295U), bad, "'llama.block_count' is 4294967295");
  expect_error(with("block_count", 3), bad, "'blk.2.attn_norm.weight' is missing");
  expect_error(with("embedding_length", 4294967295U), bad, "'llama.embedding_length'");
  expect_error(with("embedding_length", 128), bad, "token_embd.weight");
  expect_error(with("feed_forward_length", 0), bad, "'llama.feed_forward_length' is 0");
  expect_error(with("context_length", 0), bad, "'llama.context_length' is 0");
  expect_error(with("rope.dimension_count", 15), bad, "'llama.rope.dimension_count' is 15");
  expect_error(with("rope.dimension_count", 18), bad, "'llama.rope.dimension_count' is 18");
  expect_error(with("attention.key_length", 16777216), bad, "16777216");
}

TEST(Architecture, UnsupportedVariantsAreNamed) {
  TinyModel yarn = TinyModel::make("llama");
  yarn.strings["rope.scaling.type"] = "yarn";
  expect_error(yarn, ExitCode::failed, "'yarn'");
  TinyModel experts = TinyModel::make("llama");
  experts.integers["expert_count"] = 8;
  expect_error(experts, ExitCode::failed, "mixtures of experts");
  TinyModel extra = TinyModel::make("llama");
  extra.tensors["blk.0.attn_sinks.weight"] = {{4}};
  expect_error(extra, ExitCode::failed, "'blk.0.attn_sinks.weight' has no place");
  expect_error(TinyModel::make("mamba"), ExitCode::failed,
               "supported: llama, qwen2, qwen3, gemma3");
}

TEST(Architecture, MisshapenTensorsAreNamed) {
  TinyModel model = TinyModel::make("llama");
  model.tensors["blk.1.ffn_down.weight"] = {{64, 96}};
  expect_error(model, ExitCode::integrity, "'blk.1.ffn_down.weight' has shape [64, 96, 1]");
  model = TinyModel::make("llama");
  model.tensors["blk.0.attn_norm.weight"].type = TensorType::F16;
  expect_error(model, ExitCode::integrity, "'blk.0.attn_norm.weight' has type F16");
  model = TinyModel::make("llama");
  model.numbers["attention.layer_norm_rms_epsilon"] = -1.0F;
  expect_error(model, ExitCode::integrity, "layer_norm_rms_epsilon");
  model = TinyModel::make("llama");
  model.numbers.erase("attention.layer_norm_rms_epsilon");
  expect_error(model, ExitCode::integrity, "layer_norm_rms_epsilon");
}

TEST(Weights, BindInPlaceAndRefuseAnotherFile) {
  const auto file = TinyModel::make("llama").open();
  const Program program = build_program(*file);
  const auto weights = Weights::bind(program, file);
  for (WeightId id = 0; id < program.weights.size(); ++id) {
    const auto* tensor = file->find(program.weights[id].name);
    EXPECT_EQ(weights->data(id), file->bytes().data() + tensor->offset);
  }
  TinyModel other = TinyModel::make("llama");
  other.tensors["blk.0.attn_q.weight"].type = TensorType::F16;
  EXPECT_THROW(Weights::bind(program, other.open()), Error);
}

}  // namespace
}  // namespace ceiling
