#include "engine/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ceiling {

double log_sum_exp(std::span<const float> logits) {
  const float most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - most));
  return most + std::log(sum);
}

Token most_likely(std::span<const float> logits) {
  return static_cast<Token>(std::ranges::max_element(logits) - logits.begin());
}

std::vector<LikelyToken> most_likely(std::span<const float> logits, std::size_t count) {
  count = std::min(count, logits.size());
  std::vector<Token> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto likelier = [&](Token a, Token b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    likelier);
  const double total = log_sum_exp(logits);
  std::vector<LikelyToken> likely;
  likely.reserve(count);
  for (std::size_t i = 0; i < count; ++i) likely.push_back({order[i], logits[order[i]] - total});
  return likely;
}

double kl_divergence(std::span<const float> truth, std::span<const float> other) {
  const double truth_total = log_sum_exp(truth);
  const double other_total = log_sum_exp(other);
  double divergence = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double log_p = truth[i] - truth_total;
    divergence += std::exp(log_p) * (log_p - (other[i] - other_total));
  }
  return std::max(divergence, 0.0);  // rounding may leave it a hair below zero
}

}  // namespace ceiling
