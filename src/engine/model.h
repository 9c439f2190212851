// A model opened for use: file, Program, weights in place, tokenizer.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "gguf/file.h"
#include "model/program.h"
#include "model/weights.h"
#include "tokenizer/chat_format.h"
#include "tokenizer/tokenizer.h"

namespace ceiling {

class Model {
 public:
  // Throws Error(failed) if the file cannot be read, Error(integrity) if it is damaged,
  // Error(failed) if its architecture is not supported.
  static std::shared_ptr<const Model> open(const std::string& path);
  explicit Model(std::shared_ptr<const gguf::File> file);

  const gguf::File& file() const { return *file_; }
  const Program& program() const { return program_; }
  std::shared_ptr<const Weights> weights() const { return weights_; }
  // Read from the file on first use: work on tokens alone does not pay for it. Throws Error(failed)
  // if the file has none, and what Tokenizer::from_metadata throws.
  std::shared_ptr<const Tokenizer> tokenizer() const;
  std::shared_ptr<const ChatFormat> chat_format() const;  // throws Error(failed): none or unknown
  std::string display_name() const;                       // the file's name without its ending
  bool synthetic() const;                                 // made by `ceiling synth`: speed only

 private:
  std::shared_ptr<const gguf::File> file_;
  Program program_;
  std::shared_ptr<const Weights> weights_;
  mutable std::mutex tokenizer_mutex_;
  mutable std::shared_ptr<const Tokenizer> tokenizer_;
};

}  // namespace ceiling
