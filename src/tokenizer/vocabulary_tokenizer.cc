#include "tokenizer/vocabulary_tokenizer.h"

#include "base/error.h"

namespace ceiling {

namespace {

constexpr std::size_t most_text_bytes = std::size_t{1}
                                        << 28U;  // places in it fit 32 bits, escaped too

}  // namespace

VocabularyTokenizer::VocabularyTokenizer(const gguf::Metadata& metadata, bool adds_start)
    : vocabulary_(metadata),
      special_text_(vocabulary_),
      adds_start_(metadata.boolean("tokenizer.ggml.add_bos_token").value_or(adds_start) &&
                  vocabulary_.start().has_value()) {}

std::vector<Token> VocabularyTokenizer::encode(std::string_view utf8,
                                               const EncodeOptions& options) const {
  if (utf8.size() > most_text_bytes) {
    fail(ExitCode::usage, "the text has {} bytes: at most {} can be made into tokens at once",
         utf8.size(), most_text_bytes);
  }
  std::vector<Token> tokens;
  if (options.add_start && adds_start_) tokens.push_back(*vocabulary_.start());
  std::size_t at = 0;
  while (at < utf8.size()) {
    const auto special = special_text_.next(utf8, at, options.parse_special);
    const std::size_t end = special ? special->at : utf8.size();
    if (end > at) encode_stretch(utf8.substr(at, end - at), tokens);
    if (!special) break;
    tokens.push_back(special->token);
    at = end + special->bytes;
  }
  return tokens;
}

std::string VocabularyTokenizer::decode(std::span<const Token> tokens, bool special) const {
  std::string text;
  for (const Token token : tokens) text += piece(token, special);
  return text;
}

}  // namespace ceiling
