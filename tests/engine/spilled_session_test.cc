// A model that does not fit a device, in each way, beside the CPU: skipped where there is no CUDA
// device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "device/cuda/cuda_device.h"
#include "device/tiny_runs.h"
#include "engine/session.h"
#include "model/tiny_model.h"

namespace ceiling {
namespace {

constexpr std::uint32_t kContext = 128;
constexpr std::uint32_t kLayers = 8;
constexpr std::uint64_t kLayerBytes =
    4 * (64 * 64 + 64 * 32 + 64 * 32 + 64 * 64 + 3 * 64 * 96 + 2 * 64 + 2 * 16);

using test::distance;
using test::some_tokens;

class SpilledSession : public testing::Test {
 protected:
  void SetUp() override {
    try {
      cuda::make_cuda_device({});
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    model = std::make_shared<const Model>(TinyModel::make("qwen3", kLayers).open());
  }

  // Room for the window, the whole cache, the head and so many layers.
  SessionOptions options(SpillMode mode, std::uint64_t layers) const {
    SessionOptions out;
    out.device = "cuda";
    out.threads = 1;
    out.context = kContext;
    out.spill = mode;
    CompileOptions compile;
    compile.max_rows = kContext;
    const std::uint64_t kv = kContext * kv_bytes_per_position(model->program());
    out.device_memory = cuda::workspace_bytes(model->program(), compile) + kv +
                        (cuda::window().pieces + 1 + layers) * kLayerBytes + 32768;
    return out;
  }

  // A prompt, single tokens, a prompt again after a step back, a token.
  std::vector<float> answers(Session& session) const {
    std::vector<float> out;
    const auto append = [&](std::size_t count) {
      const std::span<const float> logits = session.append(0, some_tokens(count));
      out.insert(out.end(), logits.begin(), logits.end());
    };
    for (const std::size_t count : {60U, 1U, 1U}) append(count);
    session.truncate(0, 50);
    for (const std::size_t count : {30U, 3U, 1U}) append(count);
    return out;
  }

  std::vector<float> by_cpu() const {
    SessionOptions plain;
    plain.threads = 1;
    plain.context = kContext;
    Session session(model, plain);
    return answers(session);
  }

  std::shared_ptr<const Model> model;
};

TEST_F(SpilledSession, EveryWayGivesTheCpusAnswers) {
  const std::vector<float> expected = by_cpu();
  for (const SpillMode mode :
       {SpillMode::cpu, SpillMode::stream, SpillMode::both, SpillMode::automatic}) {
    for (const std::uint64_t layers : {0U, 1U, 3U}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(mode)) + ", layers " + std::to_string(layers));
      SessionOptions asked = options(mode, layers);
      asked.host_read_rate = [] { return BytesPerSecond{20e9}; };
      Session session(model, asked);
      EXPECT_GT(session.placement().spilled_bytes, 0U);
      EXPECT_LT(distance(answers(session), expected), 5e-3);
      EXPECT_EQ(session.spill_reason().empty(), mode != SpillMode::automatic);
    }
  }
}

TEST_F(SpilledSession, SameAnswersAgain) {
  for (const SpillMode mode : {SpillMode::stream, SpillMode::both}) {
    Session first(model, options(mode, 1));
    Session second(model, options(mode, 1));
    EXPECT_EQ(answers(first), answers(second));
  }
}

TEST_F(SpilledSession, StreamedLayersCrossTheLinkAtEachStep) {
  Session session(model, options(SpillMode::stream, 1));
  const Placement& placement = session.placement();
  ASSERT_EQ(placement.spilled_bytes, 7 * kLayerBytes);
  EXPECT_EQ(&placement, &session.prompt_placement());
  session.append(0, some_tokens(40));
  session.append(0, some_tokens(1));
  const std::uint64_t before = session.traffic().link_bytes;
  for (int i = 0; i < 4; ++i) session.append(0, some_tokens(1));
  const std::uint64_t matrices = kLayerBytes - 4 * (2 * 64 + 2 * 16);  // norms stay
  EXPECT_EQ(session.traffic().link_bytes - before, 4 * 7 * matrices);
}

TEST_F(SpilledSession, PromptsAndAnswersShareWhatStays) {
  Session session(model, options(SpillMode::both, 3));
  EXPECT_NE(&session.placement(), &session.prompt_placement());
  answers(session);
  EXPECT_GT(session.handed_over_bytes(), 0U);
  // The norms of five spilled layers besides, for prompts.
  const std::uint64_t held = session.placement().copied_bytes;
  EXPECT_GE(session.traffic().copied_bytes, held);
  EXPECT_LT(session.traffic().copied_bytes, held + kLayerBytes);
}

TEST_F(SpilledSession, ForksShareTheirPast) {
  SessionOptions asked = options(SpillMode::both, 1);
  asked.sequences = 2;
  asked.device_memory += kContext * kv_bytes_per_position(model->program());
  Session session(model, asked);
  session.append(0, some_tokens(60));
  session.fork(0, 1);
  const std::vector<std::uint32_t> sequences = {0, 1};
  const std::vector<Token> tokens = {5, 5};
  const std::span<const float> logits = session.step(sequences, tokens);
  const std::vector<float> both(logits.begin(), logits.end());
  ASSERT_EQ(both.size(), 100U);
  EXPECT_LT(distance({both.begin(), both.begin() + 50}, {both.begin() + 50, both.end()}), 1e-6);
}

TEST_F(SpilledSession, ABudgetWithoutRoomForAWindowSaysSo) {
  for (const std::uint64_t memory : {std::uint64_t{1}, std::uint64_t{1} << 20}) {
    SessionOptions asked = options(SpillMode::stream, 0);
    asked.device_memory = memory;
    try {
      Session session(model, asked);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed);
      EXPECT_THAT(error.what(), testing::HasSubstr("--spill cpu"));
    }
    asked.spill = SpillMode::automatic;
    asked.host_read_rate = [] { return BytesPerSecond{20e9}; };
    Session session(model, asked);
    EXPECT_THAT(session.spill_reason(), testing::HasSubstr("no room to stream"));
    EXPECT_EQ(session.append(0, some_tokens(20)).size(), 50U);
  }
}

TEST_F(SpilledSession, NoSpillRefuses) {
  SessionOptions asked = options(SpillMode::stream, 1);
  asked.no_spill = true;
  try {
    Session session(model, asked);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::refused);
  }
}

}  // namespace
}  // namespace ceiling
