#include "tokenizer/chat_template.h"

namespace ceiling {

namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The text of a Jinja string literal's inside. Templates hold newlines as such and as "\n".
std::string unescape(std::string_view literal) {
  std::string text;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] != '\\' || i + 1 == literal.size()) {
      text += literal[i];
      continue;
    }
    const char escaped = literal[++i];
    text += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
  }
  return text;
}

bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
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
  constexpr std::string_view closing = "<|im_end|>";
  for (std::size_t at = chat_template.find(opening); at != std::string_view::npos;
       at = chat_template.find(opening, at + 1)) {
    const char quote = at == 0 ? '\0' : chat_template[at - 1];
    std::string_view rest = chat_template.substr(at + opening.size());
    if (!skip(rest, "\n") && !skip(rest, "\\n")) continue;
    const std::string_view literal = rest.substr(0, rest.find(closing));
    // Where the literal ends before the turn does, the message is a variable. Outside of a string,
    // a brace begins one.
    const bool in_string = quote == '\'' || quote == '"';
    const char ends_literal = in_string ? quote : '{';
    if (literal.size() == rest.size() || has(literal, std::string_view(&ends_literal, 1))) continue;
    return unescape(literal);
  }
  return std::nullopt;
}

bool drops_reasoning(std::string_view chat_template) { return has(chat_template, "</think>"); }

bool states_dates(std::string_view chat_template) {
  return has(chat_template, "Cutting Knowledge Date: December 2023");
}

}  // namespace ceiling
