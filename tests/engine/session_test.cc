#include "engine/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tiny_model.h"

namespace ceiling {
namespace {

using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

// The last row's logits differ between ways of computing them only by the order of float32 sums.
constexpr float tolerance = 2e-4F;

std::shared_ptr<const Model> model() {
  static const auto opened = Model::open(write_tiny_model("session_test"));
  return opened;
}

Session session(SessionOptions options = {}) {
  options.device = "reference";
  return {model(), options};
}

std::vector<float> copy(std::span<const float> logits) { return {logits.begin(), logits.end()}; }

// What a fresh session answers to all the tokens at once.
std::vector<float> fresh(const std::vector<Token>& tokens) {
  Session whole = session();
  return copy(whole.append(0, tokens));
}

void expect_error(const std::function<void()>& action, ExitCode code, const std::string& part) {
  try {
    action();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(part));
  }
}

const std::vector<Token> prompt = {'t', 'h', 'e', ' ', 'r', 'o', 'o', 'f', ' ', 'i', 's'};

TEST(Session, FillsInTheDefaults) {
  Session defaults = session();
  EXPECT_EQ(defaults.context(), 64U);  // the model's limit is below 4096
  EXPECT_EQ(defaults.placement().segments.size(), 1U);
  EXPECT_GT(defaults.kv_bytes(), 0U);
}

TEST(Session, ChunksOfAPromptGiveTheSameLogits) {
  const auto whole = fresh(prompt);
  ASSERT_EQ(whole.size(), 259U);
  for (const std::uint32_t chunk : {1U, 3U, 11U}) {
    SessionOptions options;
    options.batch_rows = chunk;
    Session chunked = session(options);
    EXPECT_THAT(copy(chunked.append(0, prompt)), Pointwise(FloatNear(tolerance), whole));
    EXPECT_EQ(chunked.length(0), prompt.size());
  }
}

TEST(Session, AnInterruptedPromptKeepsItsWholeChunks) {
  SessionOptions options;
  options.batch_rows = 4;
  Session chunked = session(options);
  EXPECT_TRUE(chunked.append(0, prompt, [] { return false; }).empty());
  EXPECT_EQ(chunked.length(0), 4U);
  const auto rest = std::span(prompt).subspan(4);
  EXPECT_THAT(copy(chunked.append(0, rest)), Pointwise(FloatNear(tolerance), fresh(prompt)));
}

TEST(Session, TruncateForgetsWhatCameAfter) {
  Session edited = session();
  edited.append(0, prompt);
  edited.truncate(0, 5);
  const std::vector<Token> other = {'x', 'y'};
  std::vector<Token> all(prompt.begin(), prompt.begin() + 5);
  all.insert(all.end(), other.begin(), other.end());
  EXPECT_THAT(copy(edited.append(0, other)), Pointwise(FloatNear(tolerance), fresh(all)));
}

TEST(Session, ForksGoTheirOwnWaysFromTheSamePast) {
  SessionOptions options;
  options.sequences = 2;
  Session forked = session(options);
  forked.append(0, prompt);
  forked.fork(0, 1);
  EXPECT_EQ(forked.length(1), prompt.size());
  const std::vector<Token> ways = {'a', 'b'};
  const std::vector<std::uint32_t> sequences = {0, 1};
  forked.step(sequences, ways);
  const auto logits = copy(forked.step(sequences, ways));
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<Token> all = prompt;
    all.insert(all.end(), 2, ways[i]);
    const std::vector<float> row(logits.begin() + i * 259, logits.begin() + (i + 1) * 259);
    EXPECT_THAT(row, Pointwise(FloatNear(tolerance), fresh(all))) << "way " << i;
  }
}

TEST(Session, ScoreVisitsEachPositionInOrder) {
  SessionOptions options;
  options.logit_rows = 4;  // several chunks, the last one short
  Session scored = session(options);
  std::vector<Token> seen;
  scored.score(0, prompt, [&](std::uint32_t position, std::span<const float> logits) {
    ASSERT_EQ(position, seen.size());
    seen.push_back(prompt[position]);
    EXPECT_THAT(copy(logits), Pointwise(FloatNear(tolerance), fresh(seen)));
  });
  EXPECT_EQ(seen, prompt);
}

TEST(Session, RefusesWhatItCannotTake) {
  Session small = session({.context = 8});
  const auto append = [&](std::vector<Token> tokens) {
    return [&small, tokens] { small.append(0, tokens); };
  };
  expect_error(append({}), ExitCode::usage, "no tokens");
  expect_error(append({1, 259}), ExitCode::usage, "token 259 is outside");
  expect_error(append({-1}), ExitCode::usage, "token -1 is outside");
  expect_error(append(std::vector<Token>(9, 1)), ExitCode::usage, "9 tokens do not fit");
  EXPECT_EQ(small.length(0), 0U);
  small.append(0, std::vector<Token>(8, 1));
  expect_error(append({1}), ExitCode::usage, "8 are taken");
}

TEST(Session, RefusesOptionsThatCannotBe) {
  expect_error([] { session({.context = 65}); }, ExitCode::usage, "the model knows 64");
  expect_error([] { Session(model(), {.device = "abacus"}); }, ExitCode::usage, "abacus");
  expect_error([] { Session(model(), {.threads = 100000}); }, ExitCode::usage, "100000 threads");
  expect_error([] { session({.sequences = 1U << 31U}); }, ExitCode::failed, "not enough memory");
}

}  // namespace
}  // namespace ceiling
