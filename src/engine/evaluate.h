// How well a model predicts a text: perplexity with its standard error and, beside a reference
// model, the Kullback-Leibler divergence and the share of equal top tokens. Windowing as
// llama.cpp's perplexity tool has it: the text is cut into windows of `window` tokens, each
// evaluated from an empty cache with the start token in front where the file asks for one; only the
// second half of a window counts, so that every counted token has at least window / 2 before it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/model.h"

namespace ceiling {

struct EvaluateOptions {
  std::uint32_t window = 512;     // tokens; even, at least 8
  std::uint32_t max_windows = 0;  // 0: the whole text
  std::string device = "cpu";     // as SessionOptions has it
  unsigned threads = 0;
  std::uint32_t chunk_rows = 64;  // positions whose logits are held at a time
};

struct Perplexity {
  double mean_nll = 0;          // nats a token
  double mean_nll_error = 0;    // standard error
  double perplexity = 0;        // exp(mean_nll)
  double perplexity_error = 0;  // first order: perplexity * mean_nll_error
};

struct Divergence {
  double mean_kl = 0;  // of reference from model, nats
  double mean_kl_error = 0;
  double p99_kl = 0;         // 99th percentile
  double top_agreement = 0;  // share of positions with the same most likely token
  double top_agreement_error = 0;
};

struct Evaluation {
  std::uint32_t windows = 0;
  std::uint64_t counted_tokens = 0;
  Perplexity model;
  std::optional<Perplexity> reference;
  std::optional<Divergence> divergence;
};

// Throws Error(usage) if the text is shorter than one window or the window does not fit the model:
// for whoever does other work before evaluate(), which checks it too.
void check_text(const Model& model, std::span<const Token> text, const EvaluateOptions& options);

// Throws Error(usage) if the text is shorter than one window or the models' vocabularies differ in
// size; Error(integrity) if a model predicts NaN or infinite losses. progress(windows done, windows
// in all) is called after each window.
Evaluation evaluate(const std::shared_ptr<const Model>& model,
                    const std::shared_ptr<const Model>& reference, std::span<const Token> text,
                    const EvaluateOptions& options,
                    const std::function<void(std::uint32_t, std::uint32_t)>& progress = {});

}  // namespace ceiling
