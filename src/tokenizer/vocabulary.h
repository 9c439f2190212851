// The entries of a vocabulary as a GGUF file lists them: stored texts, kinds, and the tokens with a
// role. It copies what it needs: the file may be closed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"
#include "tokenizer/tokenizer.h"

namespace ceiling {

class Vocabulary {
 public:
  // Throws Error(integrity) naming the key, its value and what was expected.
  explicit Vocabulary(const gguf::Metadata& metadata);

  std::size_t size() const { return text_end_.size(); }
  // Of a token of the vocabulary; Error(usage) for any other.
  std::string_view text(Token token) const;
  TokenKind kind(Token token) const;
  // The entry with just this stored text; of several, the last.
  std::optional<Token> find(std::string_view text) const;
  std::size_t longest_text() const { return longest_text_; }  // bytes

  std::optional<Token> start() const { return start_; }
  std::optional<Token> unknown() const { return unknown_; }
  std::span<const Token> stops() const { return stops_; }

 private:
  // Of an open-addressing table, at most half full, so that most look-ups touch one cache line: the
  // merges of one text look up several times as many texts as it has characters.
  struct Slot {
    std::uint32_t hash = 0;
    Token token = -1;  // -1: free
  };
  std::size_t slot_of(std::string_view text, std::uint64_t hash) const;  // its own, or a free one
  void read_texts(const gguf::Metadata& metadata);
  void read_kinds(const gguf::Metadata& metadata);
  void read_roles(const gguf::Metadata& metadata);
  void add_stop(Token token);
  void check(Token token) const;

  std::vector<char> texts_;            // one after the other
  std::vector<std::size_t> text_end_;  // of each entry, in texts_
  std::vector<TokenKind> kinds_;
  std::vector<Slot> slots_;  // a power of two of them
  std::size_t longest_text_ = 0;
  std::optional<Token> start_, unknown_;
  std::vector<Token> stops_;
};

}  // namespace ceiling
