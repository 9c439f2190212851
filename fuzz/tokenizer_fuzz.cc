// Any bytes at all as a text, for small vocabularies of every kind: the tokens give the text back.
// And any bytes as a vocabulary: it is refused with ceiling::Error, or it works.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "support/small_vocabulary.h"
#include "tokenizer/stream_decoder.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace {

using ceiling::Token;
using ceiling::Tokenizer;
using ceiling::test::SmallVocabulary;

void require(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const Tokenizer> byte_pair(const char* pre) {
  auto vocabulary = SmallVocabulary::byte_pair(pre);
  vocabulary.merge("a", "a").merge("aa", "aa").merge(" ", "a").merge("\n", "\n").merge("1", "1");
  vocabulary.merge("\xC3", "\xA9").merge(" a", "a").merge(" ", " ").merge("  ", "  ");
  vocabulary.add("<|im_end|>", SmallVocabulary::control);
  vocabulary.add("\n\n\n", SmallVocabulary::user_defined);
  return vocabulary.tokenizer();
}

std::shared_ptr<const Tokenizer> sentence_piece(bool adds_space) {
  auto vocabulary = SmallVocabulary::sentence_piece();
  vocabulary.set("tokenizer.ggml.add_space_prefix", adds_space);
  double score = 0;
  for (const char* piece : {"\u2581\u2581", "\u2581a", "aa", "a\u2581a", "\u2581aa", "aaaa",
                            "\u2581", "a", "\u00e9", "\u00e9a", ">\u2581<"}) {
    vocabulary.add(piece, SmallVocabulary::normal, --score);
  }
  // Behind a special entry a space is added anew, which no decoder can tell from one of the text.
  if (!adds_space) vocabulary.add("\n\n\n", SmallVocabulary::user_defined);
  return vocabulary.tokenizer();
}

// SentencePiece writes a space as U+2581, and so cannot tell the two apart.
std::string as_sentence_piece_reads(std::string_view text) {
  constexpr std::string_view stored_space = "\u2581";
  std::string result;
  while (!text.empty()) {
    const bool space = text.starts_with(stored_space);
    result += space ? ' ' : text.front();
    text.remove_prefix(space ? stored_space.size() : 1);
  }
  return result;
}

void check_stream(const std::shared_ptr<const Tokenizer>& tokenizer,
                  const std::vector<Token>& tokens, std::string_view text) {
  ceiling::StreamDecoder decoder(tokenizer, /*after_text=*/false);
  std::string streamed;
  for (const Token token : tokens) {
    const std::string part = decoder.push(token);
    require(ceiling::valid_utf8_prefix(part) == part.size());
    streamed += part;
  }
  streamed += decoder.finish();
  if (ceiling::valid_utf8_prefix(text) == text.size()) require(streamed == text);
}

void check_text(std::size_t which, std::string_view text) {
  static const std::vector<std::shared_ptr<const Tokenizer>> tokenizers = {
      byte_pair("gpt-2"),  byte_pair("llama-bpe"), byte_pair("qwen2"),
      byte_pair("smollm"), sentence_piece(true),   sentence_piece(false)};
  constexpr std::size_t byte_pairs = 4;
  const auto& tokenizer = tokenizers[which % tokenizers.size()];
  const bool is_byte_pair = which % tokenizers.size() < byte_pairs;

  const auto tokens = tokenizer->encode(text, {.add_start = false, .parse_special = false});
  for (const Token token : tokens) {
    require(tokenizer->kind(token) != ceiling::TokenKind::control);
  }
  const std::string expected = is_byte_pair ? std::string(text) : as_sentence_piece_reads(text);
  require(tokenizer->decode(tokens) == expected);
  check_stream(tokenizer, tokens, expected);
  if (is_byte_pair) {
    const auto parsed = tokenizer->encode(text, {.add_start = true, .parse_special = true});
    require(tokenizer->decode(parsed, /*special=*/true) == text);
  }
}

// Each line is an entry: its first byte gives the type and the score, the rest is the text. An
// empty line ends the entries; further ones are merges.
void check_vocabulary(std::uint8_t flags, std::string_view bytes) {
  constexpr std::string_view sample = "a\u2581 aa<0x0A>\n\xFF\u00e9 it's 12";
  const char* const pres[] = {"gpt-2", "llama-bpe", "qwen2", "smollm"};
  auto vocabulary = (flags & 1U) != 0
                        ? SmallVocabulary::byte_pair_without_bytes(pres[flags >> 1U & 3U])
                        : SmallVocabulary::sentence_piece_without_bytes();
  if ((flags & 8U) != 0) vocabulary.set("tokenizer.ggml.bos_token_id", flags & 0xF0U);
  bool merges = false;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
    if (line.empty()) {
      merges = true;
    } else if (merges) {
      vocabulary.raw_merge(line);
    } else {
      const auto type = static_cast<SmallVocabulary::Type>(line[0] & 7);
      vocabulary.add(line.substr(1), type, line[0]);
    }
  }
  try {
    const auto tokenizer = vocabulary.tokenizer();
    for (const bool special : {false, true}) {
      const auto tokens = tokenizer->encode(sample, {.add_start = true, .parse_special = special});
      tokenizer->decode(tokens, special);
    }
    for (Token token = 0; token < static_cast<Token>(tokenizer->size()); ++token) {
      tokenizer->piece(token, (token & 1) != 0);
    }
  } catch (const ceiling::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] % 4 == 0) {
    check_vocabulary(data[1], rest);
  } else {
    check_text(data[1], rest);
  }
  return 0;
}
