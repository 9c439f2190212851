// A two-layer model of random float32 weights with a byte vocabulary, written as a real file: small
// enough for the reference device, complete enough for every part of the engine.
#pragma once

#include <string>

namespace ceiling {

struct TinyModelOptions {
  std::uint32_t context = 64;
  bool vocabulary = true;  // tokenizer.* keys
  unsigned seed = 1;
};

// Tokens 0..255 stand for the bytes, 256 is the stop token, 257 and 258 open and close ChatML's
// turns. Returns the path, in GoogleTest's temporary directory.
std::string write_tiny_model(const std::string& name, const TinyModelOptions& options = {});

}  // namespace ceiling
