#include "tokenizer/pre_tokeniser.h"

#include <fmt/ranges.h>

#include <array>
#include <limits>
#include <new>

#include "base/error.h"
#include "tokenizer/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace ceiling {

namespace {

// Unicode's White_Space. PCRE2's own \s has U+180E besides, which the tokenizers' authors' has not.
constexpr std::string_view space =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

struct Family {
  std::array<std::string_view, 3> names;  // that files use for it; the first is ours
  std::string_view pattern;               // <s> stands for `space`
  bool adds_start;
  bool whole_words_first;
};

// In GPT-2's pattern a space belongs to the word that follows it; a run of spaces leaves one to it.
// SmolLM cuts out each digit before GPT-2's pattern sees the rest, so that a run of spaces before a
// digit stands at the end of its part and leaves none.
constexpr std::array families = {
    Family{{"gpt-2"},
           R"('(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^<s>\p{L}\p{N}]+|[<s>]+(?![^<s>])|[<s>]+)",
           false,
           false},
    Family{{"llama-bpe", "llama3", "llama-v3"},
           R"('(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
           R"( ?[^<s>\p{L}\p{N}]+[\r\n]*|[<s>]*[\r\n]+|[<s>]+(?![^<s>])|[<s>]+)",
           true,
           true},
    Family{{"qwen2"},
           R"('(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
           R"( ?[^<s>\p{L}\p{N}]+[\r\n]*|[<s>]*[\r\n]+|[<s>]+(?![^<s>])|[<s>]+)",
           false,
           false},
    Family{
        {"smollm"},
        R"('(?:s|t|re|ve|m|ll|d)|\p{N}| ?\p{L}+| ?[^<s>\p{L}\p{N}]+|[<s>]+(?![^<s>\p{N}])|[<s>]+)",
        false,
        false},
};

const Family& family_named(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Family& family : families) {
    for (const std::string_view one : family.names) {
      if (one.empty()) continue;
      if (one == name) return family;
      known.push_back(one);
    }
  }
  fail(ExitCode::integrity,
       "tokenizer.ggml.pre is '{}': this pre-tokeniser is not supported; those that are: {}", name,
       fmt::join(known, ", "));
}

std::string with_space(std::string_view pattern) {
  constexpr std::string_view mark = "<s>";
  std::string result;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern.substr(at, mark.size()) == mark) {
      result += space;
      at += mark.size();
    } else {
      result += pattern[at++];
    }
  }
  return result;
}

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

}  // namespace

struct PreTokeniser::Pattern {
  explicit Pattern(const std::string& text) {
    int error = 0;
    std::size_t at = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                         PCRE2_UTF | PCRE2_UCP, &error, &at, nullptr);
    if (code == nullptr) {
      fail(ExitCode::failed, "PCRE2 refuses a pre-tokeniser's pattern at {}: error {}", at, error);
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it cannot, PCRE2 interprets
  }
  ~Pattern() { pcre2_code_free(code); }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  pcre2_code* code = nullptr;
};

PreTokeniser::PreTokeniser(std::string_view name) {
  const Family& family = family_named(name);
  pattern_ = std::make_unique<Pattern>(with_space(family.pattern));
  adds_start_ = family.adds_start;
  whole_words_first_ = family.whole_words_first;
}

PreTokeniser::~PreTokeniser() = default;
PreTokeniser::PreTokeniser(PreTokeniser&&) noexcept = default;

std::vector<std::string_view> PreTokeniser::split(std::string_view text) const {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t valid = valid_utf8_prefix(text.substr(at));
    if (valid > 0) split_valid(text.substr(at, valid), words);
    at += valid;
    std::size_t damaged = 0;
    while (at + damaged < text.size()) {
      const Utf8Character character = first_character(text.substr(at + damaged));
      if (character.state == Utf8State::whole) break;
      damaged += character.bytes;
    }
    if (damaged > 0) words.push_back(text.substr(at, damaged));
    at += damaged;
  }
  return words;
}

void PreTokeniser::split_valid(std::string_view text, std::vector<std::string_view>& words) const {
  const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
  const std::unique_ptr<pcre2_match_context, FreeMatch> context(
      pcre2_match_context_create(nullptr));
  if (match == nullptr || context == nullptr) throw std::bad_alloc();
  // The patterns step back at most once for each character of a run: no limit is needed.
  pcre2_set_match_limit(context.get(), std::numeric_limits<std::uint32_t>::max());
  for (std::size_t at = 0; at < text.size();) {
    const int found = pcre2_match(pattern_->code, reinterpret_cast<PCRE2_SPTR>(text.data()),
                                  text.size(), at, PCRE2_NO_UTF_CHECK, match.get(), context.get());
    if (found < 0) {
      fail(ExitCode::failed, "PCRE2 cannot cut the text into words at byte {}: error {}", at,
           found);
    }
    const std::size_t end = pcre2_get_ovector_pointer(match.get())[1];
    words.push_back(text.substr(at, end - at));
    at = end;
  }
}

}  // namespace ceiling
