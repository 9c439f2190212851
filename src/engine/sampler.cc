#include "engine/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/error.h"

namespace ceiling {

namespace {

void check_option(bool good, const char* option, double value, const char* expected) {
  if (!good) fail(ExitCode::usage, "{} is {}: expected {}", option, value, expected);
}

void check_finite(std::span<const float> logits, std::size_t from) {
  for (std::size_t i = from; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) {
      fail(ExitCode::failed,
           "the model's logit of token {} is {}: expected a finite number; the weights may be "
           "damaged (compare the file's SHA-256 with its source's)",
           i, logits[i]);
    }
  }
}

// The largest logit; checks in the same pass that all are finite. A vocabulary has up to 262144
// tokens, so it works in lanes that compilers turn into vector instructions.
float largest(std::span<const float> logits) {
  constexpr std::size_t lanes = 16;
  constexpr std::uint32_t infinity = 0x7F800000;
  std::array<float, lanes> most{};
  std::array<std::uint32_t, lanes> not_finite{};
  most.fill(logits[0]);
  std::size_t i = 0;
  for (; i + lanes <= logits.size(); i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const float logit = logits[i + lane];
      not_finite[lane] |= (std::bit_cast<std::uint32_t>(logit) & infinity) == infinity ? 1U : 0U;
      most[lane] = logit > most[lane] ? logit : most[lane];
    }
  }
  const bool damaged = std::ranges::any_of(not_finite, [](std::uint32_t bad) { return bad != 0; });
  check_finite(logits, damaged ? 0 : i);
  const float most_of_lanes = *std::ranges::max_element(most);
  return i == logits.size() ? most_of_lanes
                            : std::max(most_of_lanes, *std::ranges::max_element(logits.subspan(i)));
}

// Uniform in [0, 1), from the generator's top 53 bits.
double uniform(std::mt19937_64& generator) {
  return static_cast<double>(generator() >> 11) * 0x1p-53;
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options), generator_(options.seed) {
  check_option(std::isfinite(options.temperature) && options.temperature >= 0, "temperature",
               options.temperature, "a number of 0 or more");
  check_option(options.top_p > 0 && options.top_p <= 1, "top-p", options.top_p,
               "more than 0, at most 1 (1 turns it off)");
  check_option(options.min_p >= 0 && options.min_p <= 1, "min-p", options.min_p,
               "0 to 1 (0 turns it off)");
  check_option(options.repetition_penalty > 0 && options.repetition_penalty <= 100,
               "repetition penalty", options.repetition_penalty,
               "more than 0, at most 100 (1 turns it off)");
}

void Sampler::accept(Token token) {
  if (options_.repetition_window == 0) return;
  if (recent_.size() < options_.repetition_window) {
    recent_.push_back(token);
  } else {
    recent_[oldest_] = token;
    oldest_ = (oldest_ + 1) % recent_.size();
  }
}

Token Sampler::choose(std::span<const float> logits) {
  if (logits.empty()) fail(ExitCode::failed, "there are no logits to choose a token from");
  logits = penalised(logits);
  const float most = largest(logits);
  if (options_.temperature == 0) {
    return static_cast<Token>(std::ranges::find(logits, most) - logits.begin());
  }
  collect(logits, most);
  keep_top_k();
  weigh(most);
  keep_top_p();
  return draw();
}

std::span<const float> Sampler::penalised(std::span<const float> logits) {
  if (options_.repetition_penalty == 1 || recent_.empty()) return logits;
  penalised_.assign(logits.begin(), logits.end());
  for (const Token token : recent_) {
    if (token < 0 || static_cast<std::size_t>(token) >= logits.size()) continue;
    // From the original logit, so that a token seen twice is not penalised twice.
    const float logit = logits[token];
    penalised_[token] =
        logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
  }
  return penalised_;
}

void Sampler::collect(std::span<const float> logits, float most) {
  // A weight is exp((logit - most) / temperature): min-p is a bound on the logit.
  const double least = options_.min_p > 0
                           ? most + options_.temperature * std::log(double{options_.min_p})
                           : -HUGE_VAL;
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] == most || logits[i] >= least) {
      candidates_.push_back({logits[i], static_cast<Token>(i), 0});
    }
  }
}

void Sampler::weigh(float most) {
  const double temperature = options_.temperature;
  for (Candidate& candidate : candidates_) {
    candidate.weight = std::exp((static_cast<double>(candidate.logit) - most) / temperature);
  }
}

namespace {

constexpr auto more_likely = [](const auto& a, const auto& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
};
constexpr auto less_likely = [](const auto& a, const auto& b) { return more_likely(b, a); };

}  // namespace

void Sampler::keep_top_k() {
  if (options_.top_k == 0 || options_.top_k >= candidates_.size()) return;
  const auto end = candidates_.begin() + options_.top_k;
  std::nth_element(candidates_.begin(), end - 1, candidates_.end(), more_likely);
  candidates_.erase(end, candidates_.end());
  // Libraries leave different orders behind, and the draw goes by order.
  std::sort(candidates_.begin(), candidates_.end(), more_likely);
}

void Sampler::keep_top_p() {
  if (options_.top_p == 1) return;
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  // A heap gives the likeliest first without sorting the rest; it collects them, likeliest last, at
  // the end.
  std::make_heap(candidates_.begin(), candidates_.end(), less_likely);
  auto heap_end = candidates_.end();
  for (double held = 0; heap_end != candidates_.begin() && held < options_.top_p * total;) {
    std::pop_heap(candidates_.begin(), heap_end--, less_likely);
    held += heap_end->weight;
  }
  candidates_.erase(candidates_.begin(), heap_end);
}

Token Sampler::draw() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  double left = uniform(generator_) * total;
  for (const Candidate& candidate : candidates_) {
    left -= candidate.weight;
    if (left < 0) return candidate.token;
  }
  return candidates_.back().token;  // rounding alone leads here
}

}  // namespace ceiling
