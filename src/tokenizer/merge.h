// Merging neighbours, cheapest first, until none can be merged: the heart of byte-pair encoding and
// of SentencePiece. O(n log n) in the number of symbols.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace ceiling {

struct Symbol {
  static constexpr Token no_token = -1;  // nothing in the vocabulary says this text

  std::uint32_t begin = 0;  // in the text
  std::uint32_t bytes = 0;
  Token token = no_token;
};

struct Merge {
  double cost = 0;  // the cheapest is merged first; of equals, the leftmost
  Token token = 0;  // that the two become
};

class Merger {
 public:
  // What two neighbours would become, if they can be merged.
  using Rule = std::function<std::optional<Merge>(const Symbol& left, const Symbol& right)>;

  // Merges `symbols`, which lie one after the other in a text, in place.
  void run(std::vector<Symbol>& symbols, const Rule& rule);

 private:
  struct Link {
    std::uint32_t previous, next;  // places in the symbols; `none` at the ends
  };
  struct Candidate {
    double cost;
    Token token;
    std::uint32_t left;   // place of the left symbol
    std::uint32_t bytes;  // of both when the candidate was found: more means that one has grown
  };
  void consider(const std::vector<Symbol>& symbols, std::uint32_t left, const Rule& rule);
  void join(std::vector<Symbol>& symbols, std::uint32_t left, Token token);

  std::vector<Link> links_;  // reused from word to word, as is the heap
  std::vector<Candidate> heap_;
};

}  // namespace ceiling
