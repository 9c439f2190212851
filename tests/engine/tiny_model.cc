#include "tiny_model.h"

#include <gtest/gtest.h>

#include "../model/tiny_model.h"
#include "tokenizer/byte_alphabet.h"

namespace ceiling {
namespace {

constexpr std::uint32_t bytes = 256;

void set_vocabulary(gguf::Writer& writer) {
  std::vector<std::string> texts;
  for (unsigned byte = 0; byte < bytes; ++byte) {
    texts.push_back(byte_to_alphabet(static_cast<unsigned char>(byte)));
  }
  for (const char* text : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) texts.emplace_back(text);
  std::vector<std::int32_t> kinds(tiny_vocabulary, 1);
  for (std::uint32_t i = bytes; i < tiny_vocabulary; ++i) kinds[i] = 3;
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

}  // namespace

std::string write_tiny_model(const std::string& name, bool with_vocabulary) {
  TinyModel model = TinyModel::make("llama");
  model.integers["context_length"] = tiny_context;
  model.tensors["token_embd.weight"].shape[1] = tiny_vocabulary;
  model.tensors["output.weight"].shape[1] = tiny_vocabulary;
  if (with_vocabulary) model.further_keys = set_vocabulary;
  std::string path = testing::TempDir() + name + ".gguf";
  model.write(path);
  return path;
}

}  // namespace ceiling
