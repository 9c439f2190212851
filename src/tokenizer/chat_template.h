// What a file's chat template (Jinja source) tells of itself by its markers and literals.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ceiling {

enum class ChatFamily { chatml, llama3, gemma };

// Empty: a template of another family.
std::optional<ChatFamily> chat_family(std::string_view chat_template);

// The template writes the start token itself.
bool writes_start_token(std::string_view chat_template);

// The system message that a ChatML template writes when the conversation brings none; empty if it
// has no such literal.
std::optional<std::string> default_system_message(std::string_view chat_template);

// The template leaves the reasoning of earlier answers out (all up to "</think>").
bool drops_reasoning(std::string_view chat_template);

// The template opens with a system turn that states dates (Llama 3.1 and later).
bool states_dates(std::string_view chat_template);

}  // namespace ceiling
