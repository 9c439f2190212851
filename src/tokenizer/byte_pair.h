// Byte-pair encoding over bytes: a text is cut into words, and in each word neighbours are merged
// in the order in which training learnt the merges.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "tokenizer/merge.h"
#include "tokenizer/pre_tokeniser.h"
#include "tokenizer/vocabulary_tokenizer.h"

namespace ceiling {

class BytePairTokenizer final : public VocabularyTokenizer {
 public:
  explicit BytePairTokenizer(const gguf::Metadata& metadata);
  std::string piece(Token token, bool special) const override;

 private:
  BytePairTokenizer(const gguf::Metadata& metadata, PreTokeniser pre_tokeniser);
  void read_merges(const gguf::Metadata& metadata);
  void encode_stretch(std::string_view text, std::vector<Token>& tokens) const override;
  std::optional<Token> whole_word(std::string_view word) const;

  PreTokeniser pre_tokeniser_;
  std::array<Token, 256> byte_token_{};
  std::unordered_map<std::uint64_t, Merge> merges_;  // by the pair of tokens
};

}  // namespace ceiling
