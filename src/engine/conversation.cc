#include "engine/conversation.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace ceiling {

Conversation::Conversation(std::shared_ptr<const ChatFormat> format) : format_(std::move(format)) {}

void Conversation::set_system_text(std::string text) {
  system_ = {{"system", std::move(text)}};
  clear();
}

void Conversation::ask(std::string text) {
  std::vector<Token> before;
  if (messages_.size() > system_.size()) {
    before = format_->encode(messages_);
    messages_.push_back({"assistant", {}});
  }
  messages_.push_back({"user", std::move(text)});
  const std::vector<Token> after = format_->encode(messages_);
  if (before.size() > after.size() || !std::equal(before.begin(), before.end(), after.begin())) {
    throw std::logic_error("a chat format changed the beginning of a conversation");
  }
  tokens_before_question_ = tokens_.size();
  tokens_.insert(tokens_.end(), after.begin() + static_cast<std::ptrdiff_t>(before.size()),
                 after.end());
}

void Conversation::take_back() {
  messages_.pop_back();
  if (messages_.size() > system_.size()) messages_.pop_back();
  tokens_.resize(tokens_before_question_);
}

void Conversation::answered(std::span<const Token> tokens) {
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
}

void Conversation::clear() {
  messages_ = system_;
  tokens_.clear();
}

}  // namespace ceiling
