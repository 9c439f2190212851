// SentencePiece's byte-pair model (Kudo and Richardson 2018): neighbours are merged by the score of
// what they become, over the whole text; a character without an entry falls back to its bytes.
#pragma once

#include <array>

#include "tokenizer/merge.h"
#include "tokenizer/vocabulary_tokenizer.h"

namespace ceiling {

class SentencePieceTokenizer final : public VocabularyTokenizer {
 public:
  explicit SentencePieceTokenizer(const gguf::Metadata& metadata);
  std::string piece(Token token, bool special) const override;
  std::string decode(std::span<const Token> tokens, bool special) const override;

 private:
  void encode_stretch(std::string_view text, std::vector<Token>& tokens) const override;
  void note_inner_spaces();
  std::size_t independent_prefix(std::string_view stored) const;
  void encode_independent(std::string_view stored, Merger& merger,
                          std::vector<Token>& tokens) const;
  std::optional<Token> find_mergeable(std::string_view text) const;
  void add_bytes(std::string_view text, std::vector<Token>& tokens) const;

  std::vector<float> scores_;
  std::array<std::optional<Token>, 256> byte_token_;
  std::array<bool, 256> before_inner_space_{};  // bytes that a space follows inside an entry
  bool adds_space_ = true;  // before a text, so that its first word is one like the others
};

}  // namespace ceiling
