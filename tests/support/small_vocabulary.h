// Builds a vocabulary entry by entry, as a file's metadata would hold it.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/tokenizer.h"

namespace ceiling::test {

class SmallVocabulary {
 public:
  // The numbers of `tokenizer.ggml.token_type`.
  enum Type : std::int32_t { normal = 1, unknown, control, user_defined, unused, byte };

  static SmallVocabulary byte_pair_without_bytes(std::string_view pre) {
    SmallVocabulary vocabulary;
    vocabulary.set("tokenizer.ggml.model", "gpt2").set("tokenizer.ggml.pre", pre);
    vocabulary.has_merges_ = true;
    return vocabulary;
  }

  // All 256 bytes as the first 256 tokens.
  static SmallVocabulary byte_pair(std::string_view pre) {
    SmallVocabulary vocabulary = byte_pair_without_bytes(pre);
    for (int i = 0; i < 256; ++i) {
      vocabulary.add(byte_to_alphabet(static_cast<unsigned char>(i)));
    }
    return vocabulary;
  }

  static SmallVocabulary sentence_piece_without_bytes() {
    SmallVocabulary vocabulary;
    vocabulary.set("tokenizer.ggml.model", "llama");
    vocabulary.has_scores_ = true;
    return vocabulary;
  }

  // <unk>, <s>, </s> and the 256 byte tokens from 3.
  static SmallVocabulary sentence_piece() {
    SmallVocabulary vocabulary = sentence_piece_without_bytes();
    vocabulary.add("<unk>", unknown).add("<s>", control).add("</s>", control);
    vocabulary.set("tokenizer.ggml.unknown_token_id", 0U).set("tokenizer.ggml.bos_token_id", 1U);
    vocabulary.set("tokenizer.ggml.eos_token_id", 2U);
    for (int i = 0; i < 256; ++i) vocabulary.add(fmt::format("<0x{:02X}>", i), byte);
    return vocabulary;
  }

  SmallVocabulary& add(std::string_view text, Type type = normal, double score = 0) {
    tokens_.emplace_back(text);
    types_.push_back(type);
    scores_.push_back(score);
    return *this;
  }
  // Learns a merge of two entries; adds what they become. Spaces are written as such.
  SmallVocabulary& merge(std::string_view left, std::string_view right) {
    merges_.push_back(stored(left) + " " + stored(right));
    return add(stored(left) + stored(right));
  }
  SmallVocabulary& raw_merge(std::string_view merge) {
    merges_.emplace_back(merge);
    return *this;
  }

  SmallVocabulary& set(std::string key, std::string_view value) {
    strings_.emplace_back(value);
    metadata_.insert(std::move(key), {gguf::ValueType::string, std::string_view(strings_.back())});
    return *this;
  }
  SmallVocabulary& set(std::string key, const char* value) {
    return set(std::move(key), std::string_view(value));
  }
  SmallVocabulary& set(std::string key, bool value) {
    metadata_.insert(std::move(key), {gguf::ValueType::boolean, value});
    return *this;
  }
  SmallVocabulary& set(std::string key, unsigned value) {
    metadata_.insert(std::move(key), {gguf::ValueType::u32, std::uint64_t{value}});
    return *this;
  }

  // Valid as long as this is.
  const gguf::Metadata& metadata() {
    using gguf::ValueType;
    const auto views = [](const std::deque<std::string>& texts) {
      return std::vector<std::string_view>(texts.begin(), texts.end());
    };
    insert("tokenizer.ggml.tokens", ValueType::string, views(tokens_));
    insert("tokenizer.ggml.token_type", ValueType::i32, types_);
    if (has_merges_) insert("tokenizer.ggml.merges", ValueType::string, views(merges_));
    if (has_scores_) insert("tokenizer.ggml.scores", ValueType::f32, scores_);
    return metadata_;
  }
  std::shared_ptr<const Tokenizer> tokenizer() { return Tokenizer::from_metadata(metadata()); }

 private:
  SmallVocabulary() = default;

  template <typename Element>
  void insert(std::string key, gguf::ValueType element, std::vector<Element> values) {
    gguf::Array array;
    array.element = element;
    array.values = std::move(values);
    metadata_.insert(std::move(key), {gguf::ValueType::array, std::move(array)});
  }
  static std::string stored(std::string_view text) {
    std::string result;
    for (const char c : text) result += byte_to_alphabet(static_cast<unsigned char>(c));
    return result;
  }

  bool has_merges_ = false;
  bool has_scores_ = false;
  std::deque<std::string> tokens_, merges_, strings_;  // deques: metadata holds views of them
  std::vector<std::int64_t> types_;
  std::vector<double> scores_;
  gguf::Metadata metadata_;
};

}  // namespace ceiling::test
