// How a conversation becomes tokens: ChatML, Llama 3, Gemma; chosen by the file's chat template.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"
#include "tokenizer/tokenizer.h"

namespace ceiling {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string text;
};

class ChatFormat {
 public:
  // From `tokenizer.chat_template`, recognised by its markers; a default system message that the
  // template holds is kept. Throws Error(failed) naming what is supported when the file has none or
  // an unknown one, Error(integrity) when the vocabulary lacks a marker.
  static std::shared_ptr<const ChatFormat> from_metadata(
      const gguf::Metadata& metadata, std::shared_ptr<const Tokenizer> tokenizer);
  virtual ~ChatFormat() = default;

  virtual std::string_view name() const = 0;  // "chatml", "llama3", "gemma"
  // Tokens of the whole conversation, ending where the assistant is to speak. The start token comes
  // exactly once, where the file asks for one. Text in messages never becomes control tokens.
  // Throws Error(usage): no message, a role that is not one of the three, or an order of roles that
  // the format cannot express.
  virtual std::vector<Token> encode(std::span<const ChatMessage> messages) const = 0;
  // Tokens of the format that end the assistant's turn ("<|im_end|>", "<end_of_turn>").
  virtual std::vector<Token> stop_tokens() const = 0;
};

}  // namespace ceiling
