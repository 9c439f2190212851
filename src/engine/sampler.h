// Chooses the next token from a model's logits.
// Sources: top-k, Fan et al. 2018; top-p, Holtzman et al. 2019; min-p, Nguyen et al. 2024;
// repetition penalty, Keskar et al. 2019.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace ceiling {

// Each filter acts on what the one before it left, in this order: repetition penalty, temperature,
// min-p, top-k, top-p. Of equally likely tokens, the lower id comes first.
struct SamplerOptions {
  float temperature = 0.8F;              // 0: greedy, the most likely token
  std::uint32_t top_k = 40;              // the k most likely tokens; 0: off
  float top_p = 0.95F;                   // the fewest tokens that hold this share; 1: off
  float min_p = 0.05F;                   // at least this share of the most likely token's; 0: off
  float repetition_penalty = 1.0F;       // divides (or, below zero, multiplies) the logits; 1: off
  std::uint32_t repetition_window = 64;  // tokens back that the penalty looks at
  std::uint64_t seed = 0;                // same seed and logits, same tokens, on every machine
};

class Sampler {
 public:
  // Throws Error(usage) naming an option out of its range.
  explicit Sampler(const SamplerOptions& options);

  // The next token, chosen from logits [vocabulary] (at least one). It is not remembered: accept()
  // it. Throws Error(failed) if a logit is not finite.
  Token choose(std::span<const float> logits);

  // Remembers a token of the prompt or of the answer, for the repetition penalty.
  void accept(Token token);

 private:
  struct Candidate {
    float logit;
    Token token;
    double weight;  // relative to the most likely candidate's
  };
  std::span<const float> penalised(std::span<const float> logits);
  void collect(std::span<const float> logits, float most);
  void keep_top_k();
  void weigh(float most);
  void keep_top_p();
  Token draw();

  SamplerOptions options_;
  std::mt19937_64 generator_;  // its sequence is fixed by the C++ standard; distributions are not
  std::vector<Token> recent_;  // a ring of repetition_window tokens
  std::size_t oldest_ = 0;
  std::vector<float> penalised_;  // reused from token to token, as are the candidates
  std::vector<Candidate> candidates_;
};

}  // namespace ceiling
