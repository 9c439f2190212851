// A small model file of any architecture, written for a test and gone after it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gguf/file.h"
#include "gguf/writer.h"
#include "quant/quantise.h"

namespace ceiling {

struct TinyTensor {
  std::vector<std::uint64_t> shape;  // shape[0] = columns
  TensorType type = TensorType::F32;
};

// Change its fields, then write() it.
struct TinyModel {
  std::string architecture = "llama";
  std::map<std::string, std::uint32_t> integers;  // without the architecture's prefix
  std::map<std::string, float> numbers;
  std::map<std::string, std::string> strings;
  std::map<std::string, std::vector<std::int32_t>> lists;
  std::map<std::string, TinyTensor> tensors;
  std::function<void(gguf::Writer&)> further_keys;  // a vocabulary, say

  // Two layers, width 64, 4 heads of 16, 2 KV heads, feed-forward 96, 50 tokens, untied.
  static TinyModel make(const std::string& architecture, std::uint32_t layers = 2) {
    TinyModel model;
    model.architecture = architecture;
    model.integers = {{"block_count", layers},     {"embedding_length", 64},
                      {"context_length", 128},     {"feed_forward_length", 96},
                      {"attention.head_count", 4}, {"attention.head_count_kv", 2}};
    model.numbers = {{"attention.layer_norm_rms_epsilon", 1e-6F}, {"rope.freq_base", 10000.0F}};
    model.tensors = {{"token_embd.weight", {{64, 50}}},
                     {"output_norm.weight", {{64}}},
                     {"output.weight", {{64, 50}}}};
    for (std::uint32_t layer = 0; layer < layers; ++layer) model.add_layer(layer);
    if (architecture == "gemma3") model.integers["attention.sliding_window"] = 8;
    return model;
  }

  void add_layer(std::uint32_t layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape) {
      tensors[prefix + name] = {std::move(shape)};
    };
    add("attn_norm.weight", {64});
    add("attn_q.weight", {64, 64});
    add("attn_k.weight", {64, 32});
    add("attn_v.weight", {64, 32});
    add("attn_output.weight", {64, 64});
    add("ffn_norm.weight", {64});
    add("ffn_gate.weight", {64, 96});
    add("ffn_up.weight", {64, 96});
    add("ffn_down.weight", {96, 64});
    if (architecture == "qwen2") {
      add("attn_q.bias", {64});
      add("attn_k.bias", {32});
      add("attn_v.bias", {32});
    }
    if (architecture == "qwen3" || architecture == "gemma3") {
      add("attn_q_norm.weight", {16});
      add("attn_k_norm.weight", {16});
    }
    if (architecture == "gemma3") {
      add("post_attention_norm.weight", {64});
      add("post_ffw_norm.weight", {64});
    }
  }

  // The type of every matrix (norms and biases stay F32).
  TinyModel& with_type(TensorType type) {
    for (auto& [name, tensor] : tensors) {
      if (tensor.shape.size() > 1) tensor.type = type;
    }
    return *this;
  }

  // Opens a file with these keys and seeded random weights.
  std::shared_ptr<const gguf::File> open() const {
    const auto path = std::filesystem::temp_directory_path() /
                      ("ceiling-test-" + std::to_string(std::random_device{}()) + ".gguf");
    write(path.string());
    auto file = gguf::File::open(path.string());
    std::filesystem::remove(path);  // the mapping stays
    return file;
  }

  void write(const std::string& path) const {
    gguf::Writer writer(path);
    const std::string prefix = architecture + ".";
    writer.set_string("general.architecture", architecture);
    for (const auto& [key, value] : integers) writer.set_u32(prefix + key, value);
    for (const auto& [key, value] : numbers) writer.set_f32(prefix + key, value);
    for (const auto& [key, value] : strings) writer.set_string(prefix + key, value);
    for (const auto& [key, value] : lists) writer.set_i32s(prefix + key, value);
    if (further_keys) further_keys(writer);
    for (const auto& [name, tensor] : tensors) writer.declare(name, tensor.type, tensor.shape);
    writer.begin();
    std::size_t index = 0;
    std::mt19937 random(1);
    for (const auto& [name, tensor] : tensors) {
      std::uint64_t count = 1;
      for (const std::uint64_t extent : tensor.shape) count *= extent;
      std::vector<float> values(count);
      std::normal_distribution<float> normal(name.ends_with("norm.weight") ? 1.0F : 0.0F, 0.2F);
      for (float& value : values) value = normal(random);
      std::vector<std::byte> bytes(row_bytes(tensor.type, count));
      quantise_row(tensor.type, values.data(), bytes.data(), count);
      writer.write(index++, 0, bytes);
    }
    writer.finish();
  }
};

}  // namespace ceiling
