// The heap against the definition: find the cheapest pair, the leftmost of equals; merge; repeat.
#include "tokenizer/merge.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

namespace ceiling {
namespace {

using Rules = std::map<std::pair<Token, Token>, Merge>;

std::vector<Token> by_definition(std::vector<Token> tokens, const Rules& rules) {
  for (;;) {
    std::size_t best = tokens.size();
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto found = rules.find({tokens[i], tokens[i + 1]});
      if (found == rules.end()) continue;
      if (best == tokens.size() ||
          found->second.cost < rules.at({tokens[best], tokens[best + 1]}).cost) {
        best = i;
      }
    }
    if (best == tokens.size()) return tokens;
    tokens[best] = rules.at({tokens[best], tokens[best + 1]}).token;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::vector<Token> by_heap(const std::vector<Token>& tokens, const Rules& rules, Merger& merger) {
  std::vector<Symbol> symbols;
  for (const Token token : tokens) {
    symbols.push_back({static_cast<std::uint32_t>(symbols.size()), 1, token});
  }
  merger.run(symbols, [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const auto found = rules.find({left.token, right.token});
    if (found == rules.end()) return std::nullopt;
    return found->second;
  });
  std::vector<Token> result;
  std::uint32_t at = 0;
  for (const Symbol& symbol : symbols) {
    EXPECT_EQ(symbol.begin, at);
    at += symbol.bytes;
    result.push_back(symbol.token);
  }
  EXPECT_EQ(at, tokens.size());
  return result;
}

TEST(Merger, AgreesWithTheDefinition) {
  std::mt19937 random(7);
  Merger merger;
  for (int round = 0; round < 300; ++round) {
    // Few letters and few costs: many ties, and merges that build on merges.
    Rules rules;
    const Token letters = 2 + static_cast<Token>(random() % 3);
    Token known = letters;
    for (int i = 0; i < 12; ++i) {
      const std::pair<Token, Token> pair = {static_cast<Token>(random() % known),
                                            static_cast<Token>(random() % known)};
      if (rules.try_emplace(pair, Merge{static_cast<double>(random() % 5), known}).second) ++known;
    }
    std::vector<Token> tokens(random() % 40);
    for (Token& token : tokens) token = static_cast<Token>(random() % letters);
    ASSERT_EQ(by_heap(tokens, rules, merger), by_definition(tokens, rules)) << "round " << round;
  }
}

}  // namespace
}  // namespace ceiling
