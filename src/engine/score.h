// How well a model predicts a given text, and how far two ways of running it are apart.
#pragma once

#include <span>
#include <vector>

#include "engine/distribution.h"
#include "engine/session.h"

namespace ceiling {

struct TextScore {
  std::vector<Token> argmax;      // the likeliest next token at each position
  std::vector<double> nll;        // nats, of tokens 1..n-1 given what stands before them
  std::vector<LikelyToken> next;  // the ten likeliest after the last token
  double mean_nll() const;        // 0 for a single token
};

// Scores the tokens as a text of its own, in sequence 0, which is emptied first. Throws
// what Session::score throws.
TextScore score_text(Session& session, std::span<const Token> tokens);

struct Agreement {
  std::vector<double> divergence;  // Kullback-Leibler from `truth`, nats, of each position
  std::size_t same_top = 0;        // positions at which both find the same token likeliest
};

// Runs the tokens through both sessions side by side.
Agreement compare_sessions(Session& truth, Session& other, std::span<const Token> tokens);

}  // namespace ceiling
