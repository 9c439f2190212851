// What a row of logits says: likeliest tokens, log probabilities, and how far two rows are apart.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace ceiling {

struct LikelyToken {
  Token token = 0;
  double log_probability = 0;  // natural
};

// ln sum exp(logit): a token's log probability is its logit less this. Summed in double.
double log_sum_exp(std::span<const float> logits);

// Of equally likely tokens, the lowest id.
Token most_likely(std::span<const float> logits);
std::vector<LikelyToken> most_likely(std::span<const float> logits, std::size_t count);

// Kullback-Leibler divergence of `other` from `truth`, in nats: sum p (ln p - ln q).
double kl_divergence(std::span<const float> truth, std::span<const float> other);

}  // namespace ceiling
