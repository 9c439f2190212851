#include "model/synthetic.h"

#include <vector>

#include "base/error.h"
#include "gguf/writer.h"
#include "model/recipes.h"
#include "model/shape_source.h"
#include "model/synthetic_generator.h"
#include "tokenizer/byte_alphabet.h"

namespace ceiling {
namespace {

constexpr std::uint32_t kByteTokens = 256;
constexpr std::uint32_t kEndToken = kByteTokens;  // "<|endoftext|>"
constexpr std::uint32_t kLeastVocabulary = kByteTokens + 2;
constexpr std::uint32_t kMostVocabulary = 1U << 21U;

Shape with_vocabulary(Shape shape, std::uint32_t vocabulary) {
  if (vocabulary < kLeastVocabulary || vocabulary > kMostVocabulary) {
    fail(ExitCode::usage, "a vocabulary of {} was asked; choose {} to {}", vocabulary,
         kLeastVocabulary, kMostVocabulary);
  }
  shape.vocabulary = vocabulary;
  return shape;
}

// A byte-pair vocabulary without merges: text becomes bytes, and the other tokens only fill up.
void set_vocabulary(gguf::Writer& writer, std::uint32_t vocabulary) {
  std::vector<std::string> texts;
  texts.reserve(vocabulary);
  for (unsigned byte = 0; byte < kByteTokens; ++byte) {
    texts.push_back(byte_to_alphabet(static_cast<unsigned char>(byte)));
  }
  texts.emplace_back("<|endoftext|>");
  const std::string space = byte_to_alphabet(' ');
  while (texts.size() < vocabulary) texts.push_back(fmt::format("{}w{}", space, texts.size()));
  std::vector<std::int32_t> kinds(vocabulary, 1);
  kinds[kEndToken] = 3;
  writer.set_string("tokenizer.ggml.model", "gpt2");
  writer.set_string("tokenizer.ggml.pre", "gpt-2");
  writer.set_strings("tokenizer.ggml.tokens", texts);
  writer.set_i32s("tokenizer.ggml.token_type", kinds);
  writer.set_strings("tokenizer.ggml.merges", {});
  writer.set_u32("tokenizer.ggml.bos_token_id", kEndToken);
  writer.set_u32("tokenizer.ggml.eos_token_id", kEndToken);
  writer.set_bool("tokenizer.ggml.add_bos_token", false);
}

void set_keys(gguf::Writer& writer, const Shape& shape, const SyntheticOptions& options) {
  const gguf::Metadata metadata = shape_metadata(shape);
  for (const auto& [key, value] : metadata.all()) writer.copy(key, value);
  writer.set_string("general.type", "model");
  writer.set_string("general.name", fmt::format("Synthetic {} {}", shape.name, options.recipe));
  writer.set_string("general.description",
                    fmt::format("Random weights in the shape of {}: for measuring speed only. Its "
                                "text means nothing.",
                                shape.like));
  writer.set_string("general.license", "cc0-1.0");
  writer.set_u32("general.file_type", recipe_file_type(options.recipe));
  writer.set_u32("general.quantization_version", 2);
  writer.set_bool("ceiling.synthetic", true);
  writer.copy("ceiling.synthetic.seed", {gguf::ValueType::u64, options.seed});
  set_vocabulary(writer, shape.vocabulary);
}

// Tensors in the order in which a step reads them.
void declare_tensors(gguf::Writer& writer, const Program& program) {
  for (const Weight& weight : program.weights) {
    std::vector<std::uint64_t> shape = {weight.cols};
    if (weight.rows > 1) shape.push_back(weight.rows);
    writer.declare(weight.name, weight.type, shape);
  }
}

}  // namespace

void write_synthetic(const Shape& asked, const SyntheticOptions& options, const std::string& path,
                     const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const Shape shape = with_vocabulary(asked, options.vocabulary);
  const Program program = shape_program(shape, options.recipe);
  gguf::Writer writer(path);
  set_keys(writer, shape, options);
  declare_tensors(writer, program);
  writer.begin();
  SyntheticGenerator(program, writer, options.seed).run(options.threads, progress);
  writer.finish();
}

std::uint64_t synthetic_file_bytes(const Shape& asked, const SyntheticOptions& options) {
  const Shape shape = with_vocabulary(asked, options.vocabulary);
  const Program program = shape_program(shape, options.recipe);
  gguf::Writer writer("");
  set_keys(writer, shape, options);
  declare_tensors(writer, program);
  return writer.file_bytes();
}

}  // namespace ceiling
