// Finds the entries that stand in a text as they are, before any merging: user-defined ones in
// every text, control tokens only where asked. At each place the longest wins.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace ceiling {

class SpecialText {
 public:
  explicit SpecialText(const Vocabulary& vocabulary);  // outlives this

  struct Found {
    std::size_t at = 0;
    std::size_t bytes = 0;
    Token token = 0;
  };
  // The first at or after byte `from`.
  std::optional<Found> next(std::string_view text, std::size_t from, bool with_control) const;

 private:
  // The lengths of the entries that start with a byte, longest first.
  using Lengths = std::array<std::vector<std::size_t>, 256>;
  const Vocabulary& vocabulary_;
  Lengths user_defined_;
  Lengths with_control_;
};

}  // namespace ceiling
