// The cases that `score` and `tokenize` read: a JSON array of {"name", "text" or "tokens"}; other
// members are ignored.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace ceiling::cli {

struct TextCase {
  std::string name;
  std::optional<std::string> text;
  std::vector<Token> tokens;  // as given; empty where there is just the text
};

// `path` "-": standard input. Throws Error(failed) if it cannot be read, Error(integrity) naming
// the case and member that is not as expected.
std::vector<TextCase> read_text_cases(const std::string& path);

}  // namespace ceiling::cli
