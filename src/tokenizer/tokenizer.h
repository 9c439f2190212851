// Text to tokens and back, for the vocabularies that GGUF files carry.
// Byte-pair: Sennrich et al. 2016, byte alphabet of GPT-2. SentencePiece: Kudo and Richardson 2018,
// merges by score with byte fall-back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"

namespace ceiling {

using Token = std::int32_t;

enum class TokenKind : std::uint8_t { normal, unknown, control, user_defined, unused, byte };

struct EncodeOptions {
  bool add_start = true;  // the start token, where the file asks for one
  bool parse_special =
      false;  // control tokens written in the text become control tokens; off for a user's text
};

class Tokenizer {
 public:
  // From a file's metadata (vocabulary-only files work). Throws Error(integrity): damaged
  // vocabulary, unknown model or pre-tokeniser (named, with those supported).
  static std::shared_ptr<const Tokenizer> from_metadata(const gguf::Metadata& metadata);
  virtual ~Tokenizer() = default;

  // Bytes that are not UTF-8 keep their value where the vocabulary has tokens for bytes. A byte
  // that no token can say is left out (byte-pair) or becomes the unknown token (SentencePiece,
  // where the file names one). Safe to call from several threads. Throws Error(usage) above 256 MiB
  // of text.
  virtual std::vector<Token> encode(std::string_view utf8,
                                    const EncodeOptions& options = {}) const = 0;
  // The bytes a token stands for (may be part of a character). Control tokens: empty unless
  // `special`. A token outside the vocabulary, here and below: Error(usage).
  virtual std::string piece(Token token, bool special = false) const = 0;
  // All tokens' bytes; SentencePiece's leading space is dropped.
  virtual std::string decode(std::span<const Token> tokens, bool special = false) const = 0;

  virtual std::size_t size() const = 0;  // vocabulary size
  virtual TokenKind kind(Token token) const = 0;
  virtual std::optional<Token> find(std::string_view piece) const = 0;  // exact vocabulary entry
  virtual std::optional<Token> start_token() const = 0;                 // bos
  virtual bool adds_start() const = 0;                                  // the file asks for it
  virtual std::span<const Token> stop_tokens() const = 0;  // eos, eot, eom: generation ends on any
};

}  // namespace ceiling
