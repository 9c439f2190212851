#include "tiny_model.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <span>
#include <vector>

#include "gguf/writer.h"
#include "tokenizer/byte_alphabet.h"

namespace ceiling {
namespace {

constexpr std::uint32_t layers = 2, width = 32, heads = 4, kv_heads = 2, feed_forward = 48;
constexpr std::uint32_t head_width = width / heads;
constexpr std::uint32_t bytes = 256, vocabulary = bytes + 3;

void set_model_keys(gguf::Writer& writer, const TinyModelOptions& options) {
  writer.set_string("general.architecture", "llama");
  writer.set_string("general.name", "Tiny");
  writer.set_u32("llama.block_count", layers);
  writer.set_u32("llama.context_length", options.context);
  writer.set_u32("llama.embedding_length", width);
  writer.set_u32("llama.feed_forward_length", feed_forward);
  writer.set_u32("llama.attention.head_count", heads);
  writer.set_u32("llama.attention.head_count_kv", kv_heads);
  writer.set_f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  writer.set_f32("llama.rope.freq_base", 10000.0F);
  writer.set_u32("llama.rope.dimension_count", head_width);
  writer.set_u32("llama.vocab_size", vocabulary);
}

void set_vocabulary(gguf::Writer& writer) {
  std::vector<std::string> texts;
  for (unsigned byte = 0; byte < bytes; ++byte) {
    texts.push_back(byte_to_alphabet(static_cast<unsigned char>(byte)));
  }
  for (const char* text : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) texts.emplace_back(text);
  std::vector<std::int32_t> kinds(vocabulary, 1);
  for (std::uint32_t i = bytes; i < vocabulary; ++i) kinds[i] = 3;
  writer.set_string("tokenizer.ggml.model", "gpt2");
  writer.set_string("tokenizer.ggml.pre", "gpt-2");
  writer.set_strings("tokenizer.ggml.tokens", texts);
  writer.set_i32s("tokenizer.ggml.token_type", kinds);
  writer.set_strings("tokenizer.ggml.merges", {});
  writer.set_u32("tokenizer.ggml.eos_token_id", bytes);
  writer.set_string("tokenizer.chat_template",
                    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
                    "{% endfor %}<|im_start|>assistant\n");
}

class Tensors {
 public:
  Tensors(gguf::Writer& writer, unsigned seed) : writer_(writer), random_(seed) {}

  void matrix(const std::string& name, std::uint64_t cols, std::uint64_t rows) {
    std::normal_distribution<float> values(0.0F, 0.25F);
    add(name, std::array{cols, rows}, [&] { return values(random_); });
  }
  void norm(const std::string& name) {
    add(name, std::array<std::uint64_t, 1>{width}, [] { return 1.0F; });
  }
  void write() {
    writer_.begin();
    for (std::size_t i = 0; i < values_.size(); ++i) {
      writer_.write(i, 0, std::as_bytes(std::span(values_[i])));
    }
    writer_.finish();
  }

 private:
  template <typename Source>
  void add(const std::string& name, std::span<const std::uint64_t> shape, const Source& source) {
    writer_.declare(name, TensorType::F32, shape);
    std::size_t elements = 1;
    for (const std::uint64_t n : shape) elements *= n;
    std::vector<float>& values = values_.emplace_back(elements);
    for (float& value : values) value = source();
  }

  gguf::Writer& writer_;
  std::mt19937 random_;
  std::vector<std::vector<float>> values_;
};

}  // namespace

std::string write_tiny_model(const std::string& name, const TinyModelOptions& options) {
  const std::string path = testing::TempDir() + name + ".gguf";
  gguf::Writer writer(path);
  set_model_keys(writer, options);
  if (options.vocabulary) set_vocabulary(writer);
  Tensors tensors(writer, options.seed);
  tensors.matrix("token_embd.weight", width, vocabulary);
  for (std::uint32_t i = 0; i < layers; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    tensors.norm(layer + "attn_norm.weight");
    tensors.matrix(layer + "attn_q.weight", width, std::uint64_t{heads} * head_width);
    tensors.matrix(layer + "attn_k.weight", width, std::uint64_t{kv_heads} * head_width);
    tensors.matrix(layer + "attn_v.weight", width, std::uint64_t{kv_heads} * head_width);
    tensors.matrix(layer + "attn_output.weight", std::uint64_t{heads} * head_width, width);
    tensors.norm(layer + "ffn_norm.weight");
    tensors.matrix(layer + "ffn_gate.weight", width, feed_forward);
    tensors.matrix(layer + "ffn_up.weight", width, feed_forward);
    tensors.matrix(layer + "ffn_down.weight", feed_forward, width);
  }
  tensors.norm("output_norm.weight");
  tensors.matrix("output.weight", width, vocabulary);
  tensors.write();
  return path;
}

}  // namespace ceiling
