#include "engine/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "engine/score.h"
#include "tiny_model.h"

namespace ceiling {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::shared_ptr<const Model> model(const std::string& name = "evaluate_test") {
  return Model::open(write_tiny_model(name));
}

std::vector<Token> text(std::size_t count) {
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<Token>((i * 37 + i / 7) % 256);
  return tokens;
}

EvaluateOptions options() {
  EvaluateOptions options;
  options.device = "reference";
  options.window = 16;
  options.chunk_rows = 5;  // does not divide the window
  return options;
}

TEST(Evaluate, CountsTheSecondHalvesOfTheWindows) {
  const auto tokens = text(40);  // two windows, eight tokens left over
  const auto result = evaluate(model(), nullptr, tokens, options());
  EXPECT_EQ(result.windows, 2);
  EXPECT_EQ(result.counted_tokens, 2 * 7);  // positions 8..14 predict tokens 9..15

  SessionOptions plain;
  plain.device = "reference";
  plain.logit_rows = 16;
  Session session(model(), plain);
  std::vector<double> nll;
  for (const std::size_t begin : {0U, 16U}) {
    const auto score = score_text(session, std::span(tokens).subspan(begin, 16));
    nll.insert(nll.end(), score.nll.begin() + 8, score.nll.end());
  }
  const double mean =
      std::accumulate(nll.begin(), nll.end(), 0.0) / static_cast<double>(nll.size());
  double squares = 0;
  for (const double value : nll) squares += (value - mean) * (value - mean);
  EXPECT_NEAR(result.model.mean_nll, mean, 1e-5);
  EXPECT_NEAR(result.model.mean_nll_error, std::sqrt(squares / 13 / 14), 1e-5);
  EXPECT_NEAR(result.model.perplexity, std::exp(mean), 1e-3);
}

TEST(Evaluate, AModelDoesNotDivergeFromItself) {
  const auto result = evaluate(model(), model("evaluate_test_again"), text(16), options());
  EXPECT_EQ(result.reference->perplexity, result.model.perplexity);
  EXPECT_NEAR(result.divergence->mean_kl, 0, 1e-9);
  EXPECT_EQ(result.divergence->top_agreement, 1);
}

TEST(Evaluate, StopsAtTheMostWindowsAsked) {
  auto one = options();
  one.max_windows = 1;
  EXPECT_EQ(evaluate(model(), nullptr, text(40), one).windows, 1);
}

TEST(Evaluate, SaysWhatIsWrongWithTheArguments) {
  EXPECT_THAT([] { evaluate(model(), nullptr, text(15), options()); },
              ThrowsMessage<Error>(HasSubstr("15 tokens, fewer than one window of 16")));
  auto odd = options();
  odd.window = 9;
  EXPECT_THAT([&] { evaluate(model(), nullptr, text(40), odd); },
              ThrowsMessage<Error>(HasSubstr("window 9")));
  auto beyond = options();
  beyond.window = 128;
  EXPECT_THAT([&] { evaluate(model(), nullptr, text(200), beyond); },
              ThrowsMessage<Error>(HasSubstr("context is 64")));
}

// A weight of the last norm is not a number.
std::shared_ptr<const Model> damaged_model() {
  const std::string path = write_tiny_model("evaluate_test_damaged");
  const auto offset = gguf::File::open(path)->find("output_norm.weight")->offset;
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  file.write(reinterpret_cast<const char*>(&nan), sizeof nan);
  file.close();
  return Model::open(path);
}

TEST(Evaluate, SaysWhichModelPredictsNoNumbers) {
  EXPECT_THAT([] { evaluate(damaged_model(), nullptr, text(16), options()); },
              ThrowsMessage<Error>(HasSubstr("the model predicts what is no number")));
  EXPECT_THAT([] { evaluate(model(), damaged_model(), text(16), options()); },
              ThrowsMessage<Error>(HasSubstr("the reference predicts what is no number")));
}

}  // namespace
}  // namespace ceiling
