#include "tokenizer/sentence_piece.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace ceiling {

namespace {

constexpr std::string_view stored_space = "\u2581";  // how entries write a space

std::string to_stored(std::string_view text) {
  std::string stored;
  stored.reserve(text.size() + text.size() / 2);
  for (const char byte : text) {
    if (byte == ' ') {
      stored += stored_space;
    } else {
      stored += byte;
    }
  }
  return stored;
}

std::string from_stored(std::string_view stored) {
  std::string text;
  while (!stored.empty()) {
    if (stored.starts_with(stored_space)) {
      text += ' ';
      stored.remove_prefix(stored_space.size());
    } else {
      text += stored.front();
      stored.remove_prefix(1);
    }
  }
  return text;
}

// The byte that an entry such as "<0x0A>" stands for.
std::optional<unsigned char> byte_entry(std::string_view stored) {
  if (stored.size() != 6 || !stored.starts_with("<0x") || stored.back() != '>') return std::nullopt;
  unsigned char byte = 0;
  const char* end = stored.data() + 5;
  const auto [stop, error] = std::from_chars(stored.data() + 3, end, byte, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return byte;
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(const gguf::Metadata& metadata)
    : VocabularyTokenizer(metadata, /*adds_start=*/true),
      adds_space_(metadata.boolean("tokenizer.ggml.add_space_prefix").value_or(true)) {
  constexpr std::string_view key = "tokenizer.ggml.scores";
  scores_ = metadata.floats(key).value_or(std::vector<float>());
  if (scores_.size() != size()) {
    fail(ExitCode::integrity, "{} has {} entries: expected one for each of {} tokens", key,
         scores_.size(), size());
  }
  for (std::size_t i = 0; i < scores_.size(); ++i) {
    const auto token = static_cast<Token>(i);
    if (!std::isfinite(scores_[i])) {
      fail(ExitCode::integrity, "{}[{}] is {}: expected a finite number", key, i, scores_[i]);
    }
    if (kind(token) != TokenKind::byte) continue;
    const auto byte = byte_entry(vocabulary().text(token));
    if (!byte) {
      fail(ExitCode::integrity,
           "tokenizer.ggml.tokens[{}] is '{}': expected '<0x00>' to '<0xFF>', "
           "since its type is byte",
           i, vocabulary().text(token));
    }
    byte_token_[*byte] = token;
  }
  note_inner_spaces();
}

std::optional<Token> SentencePieceTokenizer::find_mergeable(std::string_view text) const {
  if (text.size() > vocabulary().longest_text()) return std::nullopt;
  const auto token = vocabulary().find(text);
  if (token && kind(*token) != TokenKind::normal && kind(*token) != TokenKind::user_defined) {
    return std::nullopt;
  }
  return token;
}

void SentencePieceTokenizer::note_inner_spaces() {
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string_view text = vocabulary().text(static_cast<Token>(i));
    if (!find_mergeable(text)) continue;
    for (std::size_t at = text.find(stored_space, 1); at != std::string_view::npos;
         at = text.find(stored_space, at + 1)) {
      before_inner_space_[static_cast<unsigned char>(text[at - 1])] = true;
    }
  }
}

// Merges reach over the whole text, but none can span a place that no entry has inside: what lies
// before it is a text of its own, which keeps the heap as small as a word.
std::size_t SentencePieceTokenizer::independent_prefix(std::string_view stored) const {
  std::size_t at = stored.find(stored_space, 1);
  while (at != std::string_view::npos &&
         before_inner_space_[static_cast<unsigned char>(stored[at - 1])]) {
    at = stored.find(stored_space, at + 1);
  }
  return std::min(at, stored.size());
}

void SentencePieceTokenizer::encode_stretch(std::string_view text,
                                            std::vector<Token>& tokens) const {
  const std::string stored = (adds_space_ ? std::string(stored_space) : "") + to_stored(text);
  std::string_view left = stored;
  Merger merger;
  while (!left.empty()) {
    const std::size_t bytes = independent_prefix(left);
    encode_independent(left.substr(0, bytes), merger, tokens);
    left.remove_prefix(bytes);
  }
}

void SentencePieceTokenizer::encode_independent(std::string_view stored, Merger& merger,
                                                std::vector<Token>& tokens) const {
  std::vector<Symbol> symbols;
  for (std::size_t at = 0; at < stored.size();) {
    const std::size_t bytes = first_character(stored.substr(at)).bytes;
    symbols.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(bytes),
                       find_mergeable(stored.substr(at, bytes)).value_or(Symbol::no_token)});
    at += bytes;
  }
  merger.run(symbols, [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const auto token = find_mergeable(stored.substr(left.begin, left.bytes + right.bytes));
    if (!token) return std::nullopt;
    return Merge{-static_cast<double>(scores_[*token]), *token};
  });
  for (const Symbol& symbol : symbols) {
    if (symbol.token != Symbol::no_token) {
      tokens.push_back(symbol.token);
    } else {
      add_bytes(stored.substr(symbol.begin, symbol.bytes), tokens);
    }
  }
}

void SentencePieceTokenizer::add_bytes(std::string_view text, std::vector<Token>& tokens) const {
  for (const char c : text) {
    const auto& token = byte_token_[static_cast<unsigned char>(c)];
    if (token) {
      tokens.push_back(*token);
    } else if (vocabulary().unknown()) {  // no byte fall-back: the whole character is unknown
      tokens.push_back(*vocabulary().unknown());
      return;
    }
  }
}

std::string SentencePieceTokenizer::piece(Token token, bool special) const {
  const std::string_view stored = vocabulary().text(token);
  switch (kind(token)) {
    case TokenKind::control:
    case TokenKind::unknown:
      return special ? std::string(stored) : std::string();
    case TokenKind::byte:
      return {static_cast<char>(*byte_entry(stored))};
    case TokenKind::normal:
    case TokenKind::user_defined:
    case TokenKind::unused:
      break;
  }
  return from_stored(stored);
}

std::string SentencePieceTokenizer::decode(std::span<const Token> tokens, bool special) const {
  std::string text = VocabularyTokenizer::decode(tokens, special);
  if (adds_space_ && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

}  // namespace ceiling
