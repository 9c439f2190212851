// Turns tokens into text as they come, never emitting half a UTF-8 character.
#pragma once

#include <memory>
#include <string>

#include "tokenizer/tokenizer.h"

namespace ceiling {

class StreamDecoder {
 public:
  // `after_text`: the tokens continue earlier text, so that a leading space stays.
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool after_text = true);

  // The characters that are complete now, always valid UTF-8; bytes that cannot be part of a
  // character become U+FFFD. Control tokens are silent.
  std::string push(Token token);
  std::string finish();  // what is left: U+FFFD for a character cut off, else nothing

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string pending_;  // less than a character
  bool at_start_;
};

}  // namespace ceiling
