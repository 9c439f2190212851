// A conversation whose past stays in the KV cache: each question adds just the tokens that come
// after what is held already. Answers stay as the tokens that were generated, never encoded again.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tokenizer/chat_format.h"

namespace ceiling {

class Conversation {
 public:
  explicit Conversation(std::shared_ptr<const ChatFormat> format);

  // Sets what comes before the first question. Only while the conversation is empty.
  void set_system_text(std::string text);
  void ask(std::string text);
  void take_back();                              // the last question, which could not be answered
  void answered(std::span<const Token> tokens);  // the answer, without its stop token
  void clear();                                  // the system text stays

  // All tokens so far. A KV cache that holds the first n of them needs those from n on.
  std::span<const Token> tokens() const { return tokens_; }

 private:
  std::shared_ptr<const ChatFormat> format_;
  std::vector<ChatMessage> system_;    // none or one
  std::vector<ChatMessage> messages_;  // answers are left empty: their tokens are known
  std::vector<Token> tokens_;
  std::size_t tokens_before_question_ = 0;
};

}  // namespace ceiling
