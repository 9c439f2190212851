// Turns tokens into text as they come, never emitting half a UTF-8 character.
#pragma once

#include <memory>
#include <string>

#include "tokenizer/tokenizer.h"

namespace ceiling {

class StreamDecoder {
 public:
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool after_text = true);
  // after_text: tokens continue earlier text, so a leading space stays.
  std::string push(Token token);  // whole characters that are complete now
  std::string finish();           // what is left; an incomplete character becomes U+FFFD

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string pending_;
  bool first_ = true;
  bool after_text_ = true;
};

}  // namespace ceiling
