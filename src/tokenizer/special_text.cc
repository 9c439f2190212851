#include "tokenizer/special_text.h"

#include <algorithm>
#include <functional>

namespace ceiling {

namespace {

bool stands_in_text(TokenKind kind, bool with_control) {
  return kind == TokenKind::user_defined ||
         (with_control && (kind == TokenKind::control || kind == TokenKind::unknown));
}

void add_length(std::vector<std::size_t>& lengths, std::size_t length) {
  const auto place = std::ranges::lower_bound(lengths, length, std::greater<>());
  if (place == lengths.end() || *place != length) lengths.insert(place, length);
}

}  // namespace

SpecialText::SpecialText(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  for (Token token = 0; token < static_cast<Token>(vocabulary.size()); ++token) {
    const std::string_view text = vocabulary.text(token);
    if (text.empty() || !stands_in_text(vocabulary.kind(token), true)) continue;
    const auto first = static_cast<unsigned char>(text[0]);
    add_length(with_control_[first], text.size());
    if (stands_in_text(vocabulary.kind(token), false)) {
      add_length(user_defined_[first], text.size());
    }
  }
}

std::optional<SpecialText::Found> SpecialText::next(std::string_view text, std::size_t from,
                                                    bool with_control) const {
  const Lengths& lengths = with_control ? with_control_ : user_defined_;
  for (std::size_t at = from; at < text.size(); ++at) {
    for (const std::size_t length : lengths[static_cast<unsigned char>(text[at])]) {
      if (length > text.size() - at) continue;
      const auto token = vocabulary_.find(text.substr(at, length));
      if (token && stands_in_text(vocabulary_.kind(*token), with_control)) {
        return Found{at, length, *token};
      }
    }
  }
  return std::nullopt;
}

}  // namespace ceiling
