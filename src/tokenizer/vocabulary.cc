#include "tokenizer/vocabulary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>

#include "base/error.h"

namespace ceiling {

namespace {

// Texts that end a turn or an answer wherever they are control tokens: files often name just one of
// theirs in their metadata.
constexpr std::array<std::string_view, 8> stop_texts = {
    "<|im_end|>",      "<|endoftext|>", "<|eot_id|>", "<|eom_id|>",
    "<|end_of_text|>", "<end_of_turn>", "<|end|>",    "<|return|>",
};

// Texts that mark turns. Some files store them as plain entries; taken as such, a user's text could
// open a turn of its own.
constexpr std::array<std::string_view, 4> turn_texts = {"<|im_start|>", "<|start_header_id|>",
                                                        "<|end_header_id|>", "<start_of_turn>"};

// As `tokenizer.ggml.token_type` numbers them; 0 (undefined) is taken as normal.
constexpr std::array kinds_in_files = {
    TokenKind::normal,       TokenKind::normal, TokenKind::unknown, TokenKind::control,
    TokenKind::user_defined, TokenKind::unused, TokenKind::byte};

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text); }
std::uint32_t upper_half(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32U); }

std::optional<Token> role(const gguf::Metadata& metadata, std::string_view key, std::size_t size) {
  const std::optional<std::uint32_t> id = metadata.u32(key);
  if (!id) return std::nullopt;
  if (*id >= size) {
    fail(ExitCode::integrity, "{} is {}: expected a token of the vocabulary, 0 to {}", key, *id,
         size - 1);
  }
  return static_cast<Token>(*id);
}

}  // namespace

Vocabulary::Vocabulary(const gguf::Metadata& metadata) {
  read_texts(metadata);
  read_kinds(metadata);
  read_roles(metadata);
}

void Vocabulary::read_texts(const gguf::Metadata& metadata) {
  const auto texts = metadata.require_strings("tokenizer.ggml.tokens");
  if (texts.empty() || texts.size() > std::numeric_limits<Token>::max()) {
    fail(ExitCode::integrity, "tokenizer.ggml.tokens has {} entries: expected 1 to {}",
         texts.size(), std::numeric_limits<Token>::max());
  }
  std::size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  texts_.reserve(bytes);
  text_end_.reserve(texts.size());
  slots_.resize(std::bit_ceil(2 * texts.size()));
  for (const std::string_view text : texts) {
    texts_.insert(texts_.end(), text.begin(), text.end());
    text_end_.push_back(texts_.size());
    longest_text_ = std::max(longest_text_, text.size());
    const std::uint64_t hash = hash_of(text);
    slots_[slot_of(text, hash)] = {upper_half(hash), static_cast<Token>(text_end_.size() - 1)};
  }
}

void Vocabulary::read_kinds(const gguf::Metadata& metadata) {
  constexpr std::string_view key = "tokenizer.ggml.token_type";
  kinds_.assign(text_end_.size(), TokenKind::normal);
  if (const auto types = metadata.u32s(key)) {
    if (types->size() != kinds_.size()) {
      fail(ExitCode::integrity, "{} has {} entries: expected one for each of {} tokens", key,
           types->size(), kinds_.size());
    }
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      const std::uint32_t type = (*types)[i];
      if (type >= kinds_in_files.size()) {
        fail(ExitCode::integrity, "{}[{}] is {}: expected 0 to {}", key, i, type,
             kinds_in_files.size() - 1);
      }
      kinds_[i] = kinds_in_files[type];
    }
  }
  for (const auto& texts : {std::span<const std::string_view>(stop_texts),
                            std::span<const std::string_view>(turn_texts)}) {
    for (const std::string_view text : texts) {
      if (const auto token = find(text)) kinds_[*token] = TokenKind::control;
    }
  }
}

void Vocabulary::read_roles(const gguf::Metadata& metadata) {
  start_ = role(metadata, "tokenizer.ggml.bos_token_id", size());
  unknown_ = role(metadata, "tokenizer.ggml.unknown_token_id", size());
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                          "tokenizer.ggml.eom_token_id"}) {
    if (const auto token = role(metadata, key, size())) add_stop(*token);
  }
  for (const std::string_view text : stop_texts) {
    if (const auto token = find(text)) add_stop(*token);
  }
}

void Vocabulary::add_stop(Token token) {
  if (std::ranges::find(stops_, token) == stops_.end()) stops_.push_back(token);
}

void Vocabulary::check(Token token) const {
  if (token < 0 || static_cast<std::size_t>(token) >= size()) {
    fail(ExitCode::usage, "token {} is outside the vocabulary: expected 0 to {}", token,
         size() - 1);
  }
}

std::string_view Vocabulary::text(Token token) const {
  check(token);
  const std::size_t begin = token == 0 ? 0 : text_end_[token - 1];
  return {texts_.data() + begin, text_end_[token] - begin};
}

TokenKind Vocabulary::kind(Token token) const {
  check(token);
  return kinds_[token];
}

std::size_t Vocabulary::slot_of(std::string_view text, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot].token >= 0 &&
         (slots_[slot].hash != upper_half(hash) || this->text(slots_[slot].token) != text)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

std::optional<Token> Vocabulary::find(std::string_view text) const {
  const Token token = slots_[slot_of(text, hash_of(text))].token;
  if (token < 0) return std::nullopt;
  return token;
}

}  // namespace ceiling
