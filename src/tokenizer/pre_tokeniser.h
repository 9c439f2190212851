// Cuts a text into the words inside which byte-pair merges happen, as each model family was
// trained.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling {

class PreTokeniser {
 public:
  // `name`: the file's `tokenizer.ggml.pre`. Throws Error(integrity) naming it and those supported.
  explicit PreTokeniser(std::string_view name);
  ~PreTokeniser();
  PreTokeniser(PreTokeniser&&) noexcept;

  // Words that cover the text, in order. Bytes that are not UTF-8 form words of their own.
  std::vector<std::string_view> split(std::string_view text) const;

  bool adds_start() const { return adds_start_; }  // where the file does not say
  // A word that is an entry becomes that token without merging.
  bool whole_words_first() const { return whole_words_first_; }

 private:
  struct Pattern;
  void split_valid(std::string_view text, std::vector<std::string_view>& words) const;

  std::unique_ptr<const Pattern> pattern_;
  bool adds_start_ = false;
  bool whole_words_first_ = false;
};

}  // namespace ceiling
