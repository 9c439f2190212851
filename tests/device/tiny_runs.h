// Inputs and measures that the tests of every device share.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/tiny_model.h"

namespace ceiling::test {

using Tokens = std::vector<std::int32_t>;

inline Tokens some_tokens(std::size_t count) {
  Tokens tokens;
  for (std::size_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>((i * i + 7 * i + 3) % 50));
  }
  return tokens;
}

// Root of the mean squared difference, in units of the expected values' spread.
inline double distance(std::span<const float> actual, std::span<const float> expected) {
  EXPECT_EQ(actual.size(), expected.size());
  double error = 0;
  double spread = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(actual[i] - expected[i], 2.0);
    spread += std::pow(expected[i], 2.0);
  }
  return std::sqrt(error / spread);
}

// With the tensors that only some files have.
inline TinyModel tiny(const std::string& name) {
  if (name == "llama with divisors") {
    TinyModel model = TinyModel::make("llama");
    model.tensors["rope_freqs.weight"] = {{8}};
    return model;
  }
  return TinyModel::make(name);
}
inline constexpr const char* kModels[] = {"llama", "llama with divisors", "qwen2", "qwen3",
                                          "gemma3"};

// Four times as wide: its rows fill the blocks of 256.
inline TinyModel wide(const std::string& name, TensorType type) {
  TinyModel model = TinyModel::make(name);
  for (const char* key : {"embedding_length", "feed_forward_length"}) model.integers[key] *= 4;
  for (auto& [tensor, shape] : model.tensors) {
    for (std::uint64_t& extent : shape.shape) {
      if (extent != 50) extent *= 4;
    }
  }
  model.integers["feed_forward_length"] = 512;  // 384 is no multiple of 256
  for (auto& [tensor, shape] : model.tensors) {
    for (std::uint64_t& extent : shape.shape) {
      if (extent == 384) extent = 512;
    }
  }
  return model.with_type(type);
}

// Two of four experts, between an embedding and an output matrix.
struct ExpertShape {
  std::uint32_t width = 64, hidden = 96;
  TensorType outer = TensorType::Q8_0;  // of the first and the last matrix
  TensorType inner = TensorType::F16;   // of the one between
};

inline Program expert_program(const ExpertShape& shape = {}) {
  const auto [width, hidden, outer, inner] = shape;
  Program program;
  program.architecture = "experts";
  program.layers = 1;
  program.width = width;
  program.vocabulary = 50;
  program.weights = {
      {.name = "token_embd.weight", .rows = 50, .cols = width},
      {.name = "router.weight", .rows = 4, .cols = width},
      {.name = "gate.weight", .type = outer, .rows = hidden, .cols = width, .groups = 4},
      {.name = "up.weight", .type = inner, .rows = hidden, .cols = width, .groups = 4},
      {.name = "down.weight", .type = outer, .rows = width, .cols = hidden, .groups = 4},
      {.name = "output.weight", .rows = 50, .cols = width}};
  enum : ValueId { x, scores, routing, gate, up, down, sum, selected, logits };
  program.values = {{"x", width},
                    {"scores", 4},
                    {"routing", 4},
                    {"gate", 2 * hidden},
                    {"up", 2 * hidden},
                    {"down", width},
                    {"sum", width},
                    {"selected", width, RowSet::logits},
                    {"logits", 50, RowSet::logits}};
  program.steps = {
      {Embed{.table = 0, .out = x, .scale = 1.0F}},
      {MatMul{.in = x, .weight = 1, .bias = {}, .out = scores}},
      {Route{.logits = scores, .out = routing, .experts = 4, .used = 2}},
      {GroupedMatMul{x, routing, 2, gate, false, false}},
      {GroupedMatMul{x, routing, 3, up, false, false}},
      {GatedActivation{.gate = gate, .up = up, .out = gate, .activation = Activation::silu}},
      {GroupedMatMul{gate, routing, 4, down, true, true}},
      {Add{.a = x, .b = down, .out = sum}},
      {SelectRows{.in = sum, .out = selected}},
      {MatMul{.in = selected, .weight = 5, .bias = {}, .out = logits}}};
  program.logits = logits;
  return program;
}

inline TinyModel expert_model(const ExpertShape& shape = {}) {
  const auto [width, hidden, outer, inner] = shape;
  TinyModel model;
  model.tensors = {
      {"token_embd.weight", {{width, 50}}},         {"router.weight", {{width, 4}}},
      {"gate.weight", {{width, hidden, 4}, outer}}, {"up.weight", {{width, hidden, 4}, inner}},
      {"down.weight", {{hidden, width, 4}, outer}}, {"output.weight", {{width, 50}}}};
  return model;
}

// An embedding, and one product of more and longer rows than small models have.
struct OneProduct {
  TensorType type;
  std::uint32_t rows = 2304, cols = 4352;

  Program program() const {
    Program out;
    out.architecture = "one product";
    out.layers = 0;
    out.vocabulary = rows;
    out.weights = {{.name = "token_embd.weight", .type = TensorType::F16, .rows = 64, .cols = cols},
                   {.name = "output.weight", .type = type, .rows = rows, .cols = cols}};
    enum : ValueId { x, selected, logits };
    out.values = {
        {"x", cols}, {"selected", cols, RowSet::logits}, {"logits", rows, RowSet::logits}};
    out.steps = {{Embed{.table = 0, .out = x, .scale = 1.0F}},
                 {SelectRows{.in = x, .out = selected}},
                 {MatMul{.in = selected, .weight = 1, .bias = {}, .out = logits}}};
    out.logits = logits;
    return out;
  }
  TinyModel model() const {
    TinyModel out;
    out.tensors = {{"token_embd.weight", {{cols, 64}, TensorType::F16}},
                   {"output.weight", {{cols, rows}, type}}};
    return out;
  }
};

// A feed-forward part about as wide as those of models that people run.
struct WideFeedForward {
  static constexpr std::uint32_t kWidth = 2560, kInner = 3072;
  TensorType gate, up, down;

  Program program() const {
    Program out;
    out.architecture = "feed forward";
    out.layers = 1;
    out.width = kWidth;
    out.vocabulary = 64;
    out.weights = {{.name = "token_embd.weight", .rows = 64, .cols = kWidth},
                   {.name = "ffn_norm.weight", .rows = 1, .cols = kWidth},
                   {.name = "gate.weight", .type = gate, .rows = kInner, .cols = kWidth},
                   {.name = "up.weight", .type = up, .rows = kInner, .cols = kWidth},
                   {.name = "down.weight", .type = down, .rows = kWidth, .cols = kInner},
                   {.name = "output.weight", .rows = 64, .cols = kWidth}};
    enum : ValueId { x, normed, gated, upper, lower, sum, selected, logits };
    out.values = {{"x", kWidth},
                  {"normed", kWidth},
                  {"gate", kInner},
                  {"up", kInner},
                  {"down", kWidth},
                  {"sum", kWidth},
                  {"selected", kWidth, RowSet::logits},
                  {"logits", 64, RowSet::logits}};
    out.steps = {
        {Embed{.table = 0, .out = x, .scale = 1.0F}},
        {RmsNorm{.in = x, .weight = 1, .out = normed, .epsilon = 1e-6F, .group = kWidth}},
        {MatMul{.in = normed, .weight = 2, .bias = {}, .out = gated}},
        {MatMul{.in = normed, .weight = 3, .bias = {}, .out = upper}},
        {GatedActivation{.gate = gated, .up = upper, .out = gated, .activation = Activation::silu}},
        {MatMul{.in = gated, .weight = 4, .bias = {}, .out = lower}},
        {Add{.a = x, .b = lower, .out = sum}},
        {SelectRows{.in = sum, .out = selected}},
        {MatMul{.in = selected, .weight = 5, .bias = {}, .out = logits}}};
    out.logits = logits;
    return out;
  }
  TinyModel model() const {
    TinyModel out;
    out.tensors = {{"token_embd.weight", {{kWidth, 64}}},     {"ffn_norm.weight", {{kWidth}}},
                   {"gate.weight", {{kWidth, kInner}, gate}}, {"up.weight", {{kWidth, kInner}, up}},
                   {"down.weight", {{kInner, kWidth}, down}}, {"output.weight", {{kWidth, 64}}}};
    return out;
  }
};

}  // namespace ceiling::test
