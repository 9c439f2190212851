// Prints an answer as it comes.
#pragma once

#include <string_view>

namespace ceiling::cli {

// Writes whole characters to stdout at once. On a terminal, control characters other than line
// breaks and tabs are left out: a model's text must not steer the terminal.
void print_answer_text(std::string_view text);

}  // namespace ceiling::cli
