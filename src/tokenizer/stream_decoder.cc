#include "tokenizer/stream_decoder.h"

#include "tokenizer/utf8.h"

namespace ceiling {

namespace {

constexpr std::string_view replacement = "\uFFFD";

}  // namespace

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool after_text)
    : tokenizer_(std::move(tokenizer)), at_start_(!after_text) {}

std::string StreamDecoder::push(Token token) {
  const std::string piece = tokenizer_->piece(token);
  pending_ += at_start_ ? tokenizer_->decode(std::span(&token, 1)) : piece;
  at_start_ = at_start_ && piece.empty();

  std::string text;
  std::string_view left = pending_;
  while (!left.empty()) {
    const Utf8Character character = first_character(left);
    if (character.state == Utf8State::incomplete) break;
    text += character.state == Utf8State::whole ? left.substr(0, character.bytes) : replacement;
    left.remove_prefix(character.bytes);
  }
  pending_.erase(0, pending_.size() - left.size());
  return text;
}

std::string StreamDecoder::finish() {
  const bool cut_off = !pending_.empty();
  pending_.clear();
  return cut_off ? std::string(replacement) : std::string();
}

}  // namespace ceiling
