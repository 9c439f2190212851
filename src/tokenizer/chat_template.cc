#include "tokenizer/chat_template.h"

namespace ceiling {

namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What a template writes from `source` on, as far as it is literal: up to `end`, the quote that
// closes a string or the brace that follows plain text. Newlines stand as such and as "\n".
std::string literal(std::string_view source, char end) {
  std::string text;
  for (std::size_t i = 0; i < source.size() && source[i] != end; ++i) {
    if (source[i] != '\\' || i + 1 == source.size()) {
      text += source[i];
      continue;
    }
    const char escaped = source[++i];
    text += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
  }
  return text;
}

}  // namespace

std::optional<ChatFamily> chat_family(std::string_view chat_template) {
  // <|im_sep|> (Phi 4) ends a role in place of ChatML's newline.
  if (has(chat_template, "<|im_start|>") && !has(chat_template, "<|im_sep|>")) {
    return ChatFamily::chatml;
  }
  if (has(chat_template, "<|start_header_id|>")) return ChatFamily::llama3;
  if (has(chat_template, "<start_of_turn>")) return ChatFamily::gemma;
  return std::nullopt;
}

bool writes_start_token(std::string_view chat_template) { return has(chat_template, "bos_token"); }

std::optional<std::string> default_system_message(std::string_view chat_template) {
  constexpr std::string_view opening = "<|im_start|>system";
  for (std::size_t at = chat_template.find(opening); at != std::string_view::npos;
       at = chat_template.find(opening, at + 1)) {
    const char before = at == 0 ? '\0' : chat_template[at - 1];
    const bool in_string = before == '\'' || before == '"';
    const std::string text =
        literal(chat_template.substr(at + opening.size()), in_string ? before : '{');
    // Where the literal ends before the turn does, the message is a variable.
    const std::size_t end = text.find("<|im_end|>");
    if (text.starts_with('\n') && end != std::string::npos) return text.substr(1, end - 1);
  }
  return std::nullopt;
}

bool drops_reasoning(std::string_view chat_template) { return has(chat_template, "</think>"); }

bool states_dates(std::string_view chat_template) {
  return has(chat_template, "Cutting Knowledge Date: December 2023");
}

}  // namespace ceiling
