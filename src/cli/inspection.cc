#include "cli/inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <variant>

#include "base/error.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "base/terminal.h"
#include "model/architecture.h"
#include "model/cost.h"
#include "model/recipes.h"
#include "tokenizer/chat_format.h"
#include "tokenizer/tokenizer.h"

namespace ceiling::cli {
namespace {

bool embeddings_are_tied(const Program& program) {
  std::optional<WeightId> table;
  bool tied = false;
  for (const Step& step : program.steps) {
    if (const auto* embed = std::get_if<Embed>(&step.operation)) table = embed->table;
    if (const auto* product = std::get_if<MatMul>(&step.operation))
      tied |= product->weight == table;
  }
  return tied;
}

ReadPerToken reads_of(const Program& program) {
  ReadPerToken reads;
  reads.weight_bytes = mean_decode_cost(program, 0, 1).weight_bytes;
  reads.tied = embeddings_are_tied(program);
  reads.kv_bytes_per_position = kv_bytes_per_position(program);
  std::vector<std::uint32_t> depths = {0};
  if (program.context_limit > 4096) depths.push_back(4096);
  if (program.context_limit > 1) depths.push_back(program.context_limit - 1);
  for (const std::uint32_t depth : depths) {
    reads.kv.push_back({depth, mean_decode_cost(program, depth, 1).kv_read_bytes});
  }
  return reads;
}

std::string vocabulary_of(const gguf::Metadata& metadata) {
  const auto model = metadata.string("tokenizer.ggml.model");
  if (!model) return {};
  const std::string_view family = *model == "gpt2"    ? "byte-pair"
                                  : *model == "llama" ? "SentencePiece"
                                                      : "unknown family";
  std::string text = fmt::format("{} ({}", family, printable(*model, 40));
  if (const auto pre = metadata.string("tokenizer.ggml.pre")) {
    text += fmt::format(", pre-tokeniser {}", printable(*pre, 40));
  }
  text += ")";
  if (const auto tokens = metadata.strings("tokenizer.ggml.tokens")) {
    text += fmt::format(", {} tokens", tokens->size());
  }
  return text;
}

// Builds what would run, to say whether it would.
void try_program(Inspection& inspection) {
  try {
    inspection.program = build_program(*inspection.file);
    inspection.reads = reads_of(*inspection.program);
  } catch (const Error& error) {
    inspection.program.reset();
    inspection.program_problem = error.what();
  }
}

void try_tokenizer(Inspection& inspection) {
  const gguf::Metadata& metadata = inspection.file->metadata();
  std::shared_ptr<const Tokenizer> tokenizer;
  try {
    inspection.vocabulary = vocabulary_of(metadata);
    tokenizer = Tokenizer::from_metadata(metadata);
  } catch (const Error& error) {
    inspection.tokenizer_problem = error.what();
    return;
  }
  try {
    inspection.chat_format = ChatFormat::from_metadata(metadata, tokenizer)->name();
  } catch (const Error& error) {
    inspection.chat_problem = error.what();
  }
}

}  // namespace

Inspection inspect_file(const std::string& path, bool with_sha256) {
  Inspection inspection;
  inspection.file = gguf::File::open(path);
  inspection.summary = gguf::summarise(*inspection.file);
  const gguf::Metadata& metadata = inspection.file->metadata();
  if (const auto file_type = metadata.u32("general.file_type")) {
    inspection.recipe = recipe_of_file_type(*file_type).value_or("");
  }
  inspection.synthetic = metadata.boolean("ceiling.synthetic").value_or(false);
  try_program(inspection);
  try_tokenizer(inspection);
  if (with_sha256) {
    Progress progress("SHA-256", inspection.file->bytes().size());
    inspection.sha256 = sha256_file(path, [&](std::uint64_t done) { progress.set(done); });
  }
  return inspection;
}

}  // namespace ceiling::cli
