#include "engine/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/distribution.h"
#include "engine/session.h"

namespace ceiling {
namespace {

// Mean and its standard error, one value at a time (Welford 1962).
class Mean {
 public:
  void add(double value) {
    ++count_;
    const double delta = value - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (value - mean_);
  }
  double mean() const { return mean_; }
  double error() const {
    if (count_ < 2) return std::numeric_limits<double>::quiet_NaN();
    const auto n = static_cast<double>(count_);
    return std::sqrt(squares_ / (n - 1) / n);
  }
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

Perplexity perplexity_of(const Mean& nll) {
  const double value = std::exp(nll.mean());
  return {nll.mean(), nll.error(), value, value * nll.error()};
}

double percentile(std::vector<double> values, double share) {
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank),
                   values.end());
  return values[rank];
}

std::unique_ptr<Session> open_session(std::shared_ptr<const Model> model,
                                      const EvaluateOptions& options) {
  SessionOptions session;
  session.device = options.device;
  session.threads = options.threads;
  session.context = options.window;
  session.batch_rows = options.chunk_rows;
  session.logit_rows = options.chunk_rows;
  return std::make_unique<Session>(std::move(model), session);
}

// How badly a distribution predicts the next token, in nats.
double loss(std::string_view who, std::span<const float> logits, Token next) {
  const double nll = log_sum_exp(logits) - logits[static_cast<std::size_t>(next)];
  if (std::isfinite(nll)) return nll;
  fail(ExitCode::integrity,
       "the {} predicts what is no number: a weight of its file is NaN or infinite, or its "
       "activations overflow; `ceiling quantize` to any type names such a weight",
       who);
}

// The running sums over all counted positions.
struct Tally {
  Mean model_nll, reference_nll, kl, agreement;
  std::vector<double> kl_values;

  void add(std::span<const float> model, std::span<const float> reference, Token next) {
    model_nll.add(loss("model", model, next));
    if (reference.empty()) return;
    reference_nll.add(loss("reference", reference, next));
    const double divergence = kl_divergence(reference, model);
    kl.add(divergence);
    kl_values.push_back(divergence);
    agreement.add(most_likely(reference) == most_likely(model) ? 1.0 : 0.0);
  }
};

// Scores one window on both sessions, a chunk at a time, so that few rows of logits are held at
// once.
void add_window(Session& model, Session* reference, std::span<const Token> window,
                const EvaluateOptions& options, Tally& tally) {
  model.truncate(0, 0);
  if (reference != nullptr) reference->truncate(0, 0);
  std::vector<float> held;
  const std::size_t vocabulary = model.model().program().vocabulary;
  const std::size_t first_counted = window.size() / 2;
  for (std::size_t begin = 0; begin < window.size(); begin += options.chunk_rows) {
    const auto chunk =
        window.subspan(begin, std::min<std::size_t>(options.chunk_rows, window.size() - begin));
    if (reference != nullptr) {
      held.clear();
      reference->score(0, chunk, [&](std::uint32_t, std::span<const float> logits) {
        held.insert(held.end(), logits.begin(), logits.end());
      });
    }
    model.score(0, chunk, [&](std::uint32_t position, std::span<const float> logits) {
      if (position < first_counted || position + 1 >= window.size()) return;
      std::span<const float> other;
      if (reference != nullptr)
        other = std::span(held).subspan((position - begin) * vocabulary, vocabulary);
      tally.add(logits, other, window[position + 1]);
    });
  }
}

}  // namespace

void check_text(const Model& model, std::span<const Token> text, const EvaluateOptions& options) {
  if (options.window < 8 || options.window % 2 != 0)
    fail(ExitCode::usage, "window {}: an even number of tokens, at least 8, is needed",
         options.window);
  if (options.window > model.program().context_limit)
    fail(ExitCode::usage, "window {}: the model's context is {} tokens; use a smaller window",
         options.window, model.program().context_limit);
  if (text.size() < options.window)
    fail(ExitCode::usage,
         "the text has {} tokens, fewer than one window of {}: use a longer text or a smaller "
         "--window",
         text.size(), options.window);
}

Evaluation evaluate(const std::shared_ptr<const Model>& model,
                    const std::shared_ptr<const Model>& reference, std::span<const Token> text,
                    const EvaluateOptions& options,
                    const std::function<void(std::uint32_t, std::uint32_t)>& progress) {
  check_text(*model, text, options);
  if (reference != nullptr && reference->program().vocabulary != model->program().vocabulary)
    fail(ExitCode::usage,
         "the reference has a vocabulary of {} tokens, the model {}: only models with the same "
         "tokens can be compared",
         reference->program().vocabulary, model->program().vocabulary);
  const auto tokenizer = model->tokenizer();
  const auto session = open_session(model, options);
  const auto reference_session = reference ? open_session(reference, options) : nullptr;
  auto windows = static_cast<std::uint32_t>(text.size() / options.window);
  if (options.max_windows != 0) windows = std::min(windows, options.max_windows);
  Tally tally;
  std::vector<Token> window(options.window);
  for (std::uint32_t w = 0; w < windows; ++w) {
    const auto piece = text.subspan(std::size_t{w} * options.window, options.window);
    std::copy(piece.begin(), piece.end(), window.begin());
    if (tokenizer->adds_start() && tokenizer->start_token()) window[0] = *tokenizer->start_token();
    add_window(*session, reference_session.get(), window, options, tally);
    if (progress) progress(w + 1, windows);
  }
  Evaluation result;
  result.windows = windows;
  result.counted_tokens = tally.model_nll.count();
  result.model = perplexity_of(tally.model_nll);
  if (reference) {
    result.reference = perplexity_of(tally.reference_nll);
    result.divergence = {tally.kl.mean(), tally.kl.error(), percentile(tally.kl_values, 0.99),
                         tally.agreement.mean(), tally.agreement.error()};
  }
  return result;
}

}  // namespace ceiling
