#include "engine/score.h"

#include <algorithm>
#include <numeric>

namespace ceiling {

double TextScore::mean_nll() const {
  if (nll.empty()) return 0;
  return std::accumulate(nll.begin(), nll.end(), 0.0) / static_cast<double>(nll.size());
}

TextScore score_text(Session& session, std::span<const Token> tokens) {
  TextScore result;
  session.truncate(0, 0);
  session.score(0, tokens, [&](std::uint32_t position, std::span<const float> logits) {
    result.argmax.push_back(most_likely(logits));
    if (position + 1 < tokens.size()) {
      result.nll.push_back(log_sum_exp(logits) - logits[tokens[position + 1]]);
    } else {
      result.next = most_likely(logits, 10);
    }
  });
  return result;
}

Agreement compare_sessions(Session& truth, Session& other, std::span<const Token> tokens) {
  Agreement result;
  truth.truncate(0, 0);
  other.truncate(0, 0);
  const std::size_t vocabulary = truth.model().program().vocabulary;
  const std::size_t chunk = truth.options().logit_rows;
  std::vector<float> held;  // the rows of one chunk: those of a whole text may not fit the memory
  while (!tokens.empty()) {
    const auto piece = tokens.first(std::min(chunk, tokens.size()));
    held.clear();
    truth.score(0, piece, [&](std::uint32_t, std::span<const float> logits) {
      held.insert(held.end(), logits.begin(), logits.end());
    });
    std::span<const float> expected = held;
    other.score(0, piece, [&](std::uint32_t, std::span<const float> logits) {
      const auto row = expected.first(vocabulary);
      expected = expected.subspan(vocabulary);
      result.divergence.push_back(kl_divergence(row, logits));
      if (most_likely(row) == most_likely(logits)) ++result.same_top;
    });
    tokens = tokens.subspan(piece.size());
  }
  return result;
}

}  // namespace ceiling
