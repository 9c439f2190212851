#include "tokenizer/byte_pair.h"

#include "base/error.h"
#include "tokenizer/byte_alphabet.h"

namespace ceiling {

namespace {

std::uint64_t pair_key(Token left, Token right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32U | static_cast<std::uint32_t>(right);
}

}  // namespace

BytePairTokenizer::BytePairTokenizer(const gguf::Metadata& metadata)
    : BytePairTokenizer(metadata, PreTokeniser(metadata.require_string("tokenizer.ggml.pre"))) {}

BytePairTokenizer::BytePairTokenizer(const gguf::Metadata& metadata, PreTokeniser pre_tokeniser)
    : VocabularyTokenizer(metadata, pre_tokeniser.adds_start()),
      pre_tokeniser_(std::move(pre_tokeniser)) {
  for (std::size_t byte = 0; byte < byte_token_.size(); ++byte) {
    byte_token_[byte] = vocabulary()
                            .find(byte_to_alphabet(static_cast<unsigned char>(byte)))
                            .value_or(Symbol::no_token);
  }
  read_merges(metadata);
}

void BytePairTokenizer::read_merges(const gguf::Metadata& metadata) {
  constexpr std::string_view key = "tokenizer.ggml.merges";
  const auto merges = metadata.require_strings(key);
  merges_.reserve(merges.size());
  std::string joined;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const std::size_t space = merge.find(' ');
    if (space == std::string_view::npos) {
      fail(ExitCode::integrity, "{}[{}] is '{}': expected two texts with a space between them", key,
           rank, merge);
    }
    const auto left = vocabulary().find(merge.substr(0, space));
    const auto right = vocabulary().find(merge.substr(space + 1));
    joined.assign(merge.substr(0, space)).append(merge.substr(space + 1));
    const auto both = vocabulary().find(joined);
    if (!left || !right || !both) {
      fail(ExitCode::integrity, "{}[{}] is '{}': expected both texts and '{}' in the vocabulary",
           key, rank, merge, joined);
    }
    if (kind(*both) != TokenKind::normal) continue;  // no text may become a control token
    merges_.try_emplace(pair_key(*left, *right), Merge{static_cast<double>(rank), *both});
  }
}

void BytePairTokenizer::encode_stretch(std::string_view text, std::vector<Token>& tokens) const {
  const Merger::Rule rule = [this](const Symbol& left,
                                   const Symbol& right) -> std::optional<Merge> {
    const auto found = merges_.find(pair_key(left.token, right.token));
    if (found == merges_.end()) return std::nullopt;
    return found->second;
  };
  Merger merger;
  std::vector<Symbol> symbols;
  for (const std::string_view word : pre_tokeniser_.split(text)) {
    if (const auto token = whole_word(word)) {
      tokens.push_back(*token);
      continue;
    }
    symbols.clear();
    for (std::size_t i = 0; i < word.size(); ++i) {
      const auto byte = static_cast<unsigned char>(word[i]);
      symbols.push_back({static_cast<std::uint32_t>(i), 1, byte_token_[byte]});
    }
    merger.run(symbols, rule);
    for (const Symbol& symbol : symbols) {
      if (symbol.token != Symbol::no_token) tokens.push_back(symbol.token);
    }
  }
}

std::optional<Token> BytePairTokenizer::whole_word(std::string_view word) const {
  if (!pre_tokeniser_.whole_words_first() || word.size() > vocabulary().longest_text()) {
    return std::nullopt;
  }
  std::string stored;
  for (const char byte : word) stored += byte_to_alphabet(static_cast<unsigned char>(byte));
  const auto token = vocabulary().find(stored);
  if (token && kind(*token) != TokenKind::normal) return std::nullopt;
  return token;
}

std::string BytePairTokenizer::piece(Token token, bool special) const {
  const std::string_view stored = vocabulary().text(token);
  switch (kind(token)) {
    case TokenKind::control:
    case TokenKind::unknown:
      return special ? std::string(stored) : std::string();
    case TokenKind::normal:
      return alphabet_to_bytes(stored).value_or(std::string(stored));
    case TokenKind::user_defined:
    case TokenKind::unused:
    case TokenKind::byte:
      break;
  }
  return std::string(stored);
}

}  // namespace ceiling
