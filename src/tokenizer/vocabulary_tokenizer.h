// What byte-pair and SentencePiece tokenizers share: a vocabulary, and texts cut at the entries
// that stand in them as they are.
#pragma once

#include "tokenizer/special_text.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocabulary.h"

namespace ceiling {

class VocabularyTokenizer : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view utf8, const EncodeOptions& options) const final;
  std::string decode(std::span<const Token> tokens, bool special) const override;
  std::size_t size() const final { return vocabulary_.size(); }
  TokenKind kind(Token token) const final { return vocabulary_.kind(token); }
  std::optional<Token> find(std::string_view piece) const final { return vocabulary_.find(piece); }
  std::optional<Token> start_token() const final { return vocabulary_.start(); }
  bool adds_start() const final { return adds_start_; }
  std::span<const Token> stop_tokens() const final { return vocabulary_.stops(); }

 protected:
  // `adds_start`: what holds for this kind of vocabulary where the file does not say.
  VocabularyTokenizer(const gguf::Metadata& metadata, bool adds_start);

  // Appends the tokens of a stretch of text that holds no special entry: it starts the text, or
  // follows a special entry.
  virtual void encode_stretch(std::string_view text, std::vector<Token>& tokens) const = 0;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
  SpecialText special_text_;
  bool adds_start_;
};

}  // namespace ceiling
