// A model opened for use: file, Program, weights in place, tokenizer.
#pragma once

#include <memory>
#include <string>

#include "gguf/file.h"
#include "model/program.h"
#include "model/weights.h"
#include "tokenizer/chat_format.h"
#include "tokenizer/tokenizer.h"

namespace ceiling {

class Model {
 public:
  static std::shared_ptr<const Model> open(const std::string& path);
  const gguf::File& file() const { return *file_; }
  const Program& program() const { return program_; }
  std::shared_ptr<const Weights> weights() const { return weights_; }
  std::shared_ptr<const Tokenizer> tokenizer() const;  // throws Error(failed) if the file has none
  std::shared_ptr<const ChatFormat> chat_format()
      const;                         // throws Error(failed) if the file has none
  std::string display_name() const;  // general.name, or the file's name
  bool synthetic() const;            // made by `ceiling synth`: speed only

 private:
  std::shared_ptr<const gguf::File> file_;
  Program program_;
  std::shared_ptr<const Weights> weights_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

}  // namespace ceiling
