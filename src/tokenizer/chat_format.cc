#include "tokenizer/chat_format.h"

#include <algorithm>

#include "base/error.h"
#include "tokenizer/chat_template.h"

namespace ceiling {

namespace {

// Builds a conversation's tokens. Text between two control tokens is encoded in one piece, as it
// would be if the template had been written out.
class Conversation {
 public:
  Conversation(const Tokenizer& tokenizer, bool start) : tokenizer_(tokenizer) {
    if (start && tokenizer.start_token()) tokens_.push_back(*tokenizer.start_token());
  }
  void text(std::string_view text) { pending_ += text; }
  void control(Token token) {
    flush();
    tokens_.push_back(token);
  }
  std::vector<Token> take() {
    flush();
    return std::move(tokens_);
  }

 private:
  void flush() {
    EncodeOptions as_text;
    as_text.add_start = false;
    as_text.parse_special = false;
    const std::vector<Token> tokens = tokenizer_.encode(pending_, as_text);
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    pending_.clear();
  }

  const Tokenizer& tokenizer_;
  std::vector<Token> tokens_;
  std::string pending_;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\n\v\f\r";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

void check(std::span<const ChatMessage> messages) {
  if (messages.empty())
    fail(ExitCode::usage, "the conversation has no message: expected one or more");
  for (const ChatMessage& message : messages) {
    if (message.role != "system" && message.role != "user" && message.role != "assistant") {
      fail(ExitCode::usage, "a message has the role '{}': expected system, user or assistant",
           message.role);
    }
  }
}

class TurnFormat : public ChatFormat {
 public:
  TurnFormat(std::string_view chat_template, std::shared_ptr<const Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)),
        start_(tokenizer_->adds_start() || writes_start_token(chat_template)) {}

 protected:
  Token marker(std::string_view text) const {
    const auto token = tokenizer_->find(text);
    if (!token) {
      fail(
          ExitCode::integrity,
          "the chat template uses '{}', which the vocabulary does not have: use `run`, which needs "
          "no chat template",
          text);
    }
    return *token;
  }
  Conversation begin() const { return {*tokenizer_, start_}; }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  bool start_;
};

class ChatMl final : public TurnFormat {
 public:
  ChatMl(std::string_view chat_template, std::shared_ptr<const Tokenizer> tokenizer)
      : TurnFormat(chat_template, std::move(tokenizer)),
        open_(marker("<|im_start|>")),
        close_(marker("<|im_end|>")),
        default_system_(default_system_message(chat_template)),
        drops_reasoning_(drops_reasoning(chat_template)) {}

  std::string_view name() const override { return "chatml"; }
  std::vector<Token> stop_tokens() const override { return {close_}; }

  std::vector<Token> encode(std::span<const ChatMessage> messages) const override {
    check(messages);
    Conversation conversation = begin();
    if (default_system_ && messages[0].role != "system") {
      add_turn(conversation, "system", *default_system_);
    }
    for (const ChatMessage& message : messages) {
      const bool answer = message.role == "assistant";
      add_turn(conversation, message.role, answer ? without_reasoning(message.text) : message.text);
    }
    conversation.control(open_);
    conversation.text("assistant\n");
    return conversation.take();
  }

 private:
  void add_turn(Conversation& conversation, std::string_view role, std::string_view text) const {
    conversation.control(open_);
    conversation.text(role);
    conversation.text("\n");
    conversation.text(text);
    conversation.control(close_);
    conversation.text("\n");
  }

  std::string_view without_reasoning(std::string_view answer) const {
    constexpr std::string_view end = "</think>";
    const std::size_t at = drops_reasoning_ ? answer.rfind(end) : std::string_view::npos;
    if (at == std::string_view::npos) return answer;
    answer.remove_prefix(at + end.size());
    answer.remove_prefix(std::min(answer.find_first_not_of('\n'), answer.size()));
    return answer;
  }

  Token open_, close_;
  std::optional<std::string> default_system_;
  bool drops_reasoning_;
};

class Llama3 final : public TurnFormat {
 public:
  Llama3(std::string_view chat_template, std::shared_ptr<const Tokenizer> tokenizer)
      : TurnFormat(chat_template, std::move(tokenizer)),
        open_role_(marker("<|start_header_id|>")),
        close_role_(marker("<|end_header_id|>")),
        close_(marker("<|eot_id|>")),
        states_dates_(states_dates(chat_template)) {}

  std::string_view name() const override { return "llama3"; }
  std::vector<Token> stop_tokens() const override { return {close_}; }

  std::vector<Token> encode(std::span<const ChatMessage> messages) const override {
    check(messages);
    Conversation conversation = begin();
    if (states_dates_) {
      const bool has_system = messages[0].role == "system";
      // The date that these templates state when their caller gives none: answers do not change
      // from one day to the next.
      const std::string dates =
          "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
      add_turn(conversation, "system",
               dates + std::string(has_system ? trimmed(messages[0].text) : ""));
      if (has_system) messages = messages.subspan(1);
    }
    for (const ChatMessage& message : messages) {
      add_turn(conversation, message.role, trimmed(message.text));
    }
    add_role(conversation, "assistant");
    return conversation.take();
  }

 private:
  void add_role(Conversation& conversation, std::string_view role) const {
    conversation.control(open_role_);
    conversation.text(role);
    conversation.control(close_role_);
    conversation.text("\n\n");
  }
  void add_turn(Conversation& conversation, std::string_view role, std::string_view text) const {
    add_role(conversation, role);
    conversation.text(text);
    conversation.control(close_);
  }

  Token open_role_, close_role_, close_;
  bool states_dates_;
};

class Gemma final : public TurnFormat {
 public:
  Gemma(std::string_view chat_template, std::shared_ptr<const Tokenizer> tokenizer)
      : TurnFormat(chat_template, std::move(tokenizer)),
        open_(marker("<start_of_turn>")),
        close_(marker("<end_of_turn>")) {}

  std::string_view name() const override { return "gemma"; }
  std::vector<Token> stop_tokens() const override { return {close_}; }

  std::vector<Token> encode(std::span<const ChatMessage> messages) const override {
    check(messages);
    // Gemma has no system turn: its text opens the first user turn.
    std::string opening;
    if (messages[0].role == "system") {
      opening = messages[0].text + "\n\n";
      messages = messages.subspan(1);
    }
    if (messages.empty()) {
      fail(ExitCode::usage, "the conversation has a system message only: expected one of the user");
    }
    Conversation conversation = begin();
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const bool user = i % 2 == 0;
      if (messages[i].role != (user ? "user" : "assistant")) {
        fail(
            ExitCode::usage,
            "message {} behind the system message has the role '{}': in the gemma format, expected "
            "user and assistant in turn, the user first",
            i + 1, messages[i].role);
      }
      add_role(conversation, user ? "user" : "model");
      if (i == 0) conversation.text(opening);
      conversation.text(trimmed(messages[i].text));
      conversation.control(close_);
      conversation.text("\n");
    }
    add_role(conversation, "model");
    return conversation.take();
  }

 private:
  void add_role(Conversation& conversation, std::string_view role) const {
    conversation.control(open_);
    conversation.text(role);
    conversation.text("\n");
  }

  Token open_, close_;
};

}  // namespace

std::shared_ptr<const ChatFormat> ChatFormat::from_metadata(
    const gguf::Metadata& metadata, std::shared_ptr<const Tokenizer> tokenizer) {
  constexpr const char* remedy =
      "supported are ChatML, Llama 3 and Gemma; `run` needs no chat template";
  const auto chat_template = metadata.string("tokenizer.chat_template");
  if (!chat_template) fail(ExitCode::failed, "the model has no chat template: {}", remedy);
  const auto family = chat_family(*chat_template);
  if (!family)
    fail(ExitCode::failed, "the model's chat template is of an unknown kind: {}", remedy);
  switch (*family) {
    case ChatFamily::chatml:
      return std::make_shared<ChatMl>(*chat_template, std::move(tokenizer));
    case ChatFamily::llama3:
      return std::make_shared<Llama3>(*chat_template, std::move(tokenizer));
    case ChatFamily::gemma:
      break;
  }
  return std::make_shared<Gemma>(*chat_template, std::move(tokenizer));
}

}  // namespace ceiling
