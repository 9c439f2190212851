// Everything that `inspect` tells of a model file, gathered once and shown as text or as JSON.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/summary.h"
#include "model/program.h"

namespace ceiling::cli {

// Bytes that one decoded token reads, with `depth` tokens before it (KV cache in F16).
struct ReadAtDepth {
  std::uint32_t depth = 0;
  std::uint64_t kv_bytes = 0;
};

struct ReadPerToken {
  std::uint64_t weight_bytes = 0;
  bool tied = false;  // the embedding table is the output head too
  std::vector<ReadAtDepth> kv;
  std::uint64_t kv_bytes_per_position = 0;  // what each further token adds to the cache
};

struct Inspection {
  std::shared_ptr<const gguf::File> file;
  gguf::Summary summary;
  std::string recipe;      // "Q4_K_M": the file's label; each tensor has its own type
  bool synthetic = false;  // made by `ceiling synth`
  std::optional<Program> program;
  ReadPerToken reads;           // where there is a program
  std::string program_problem;  // else why not
  std::string vocabulary;       // "byte-pair (gpt2, pre-tokeniser smollm), 49152 tokens"
  std::string tokenizer_problem;
  std::string chat_format;  // "chatml"
  std::string chat_problem;
  std::string sha256;  // empty: not asked for
};

// Throws Error for a file that is not sound. What is sound but cannot run is described instead.
Inspection inspect_file(const std::string& path, bool with_sha256);

struct InspectView {
  bool tensors = false;  // one line for each tensor
  int columns = 80;      // long values are cut to this width
};
std::string inspection_text(const Inspection& inspection, const InspectView& view);
std::string inspection_json(const Inspection& inspection, bool tensors);

}  // namespace ceiling::cli
