#include "engine/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "tiny_model.h"

namespace ceiling {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::shared_ptr<const Model> model() { return Model::open(write_tiny_model("calibrate_test")); }

std::vector<Token> text(std::size_t count) {
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<Token>((i * 41 + i / 5) % 256);
  return tokens;
}

CalibrateOptions windows_of(std::uint32_t window, std::uint32_t most = 0) {
  CalibrateOptions options;
  options.window = window;
  options.max_windows = most;
  options.threads = 1;
  return options;
}

std::vector<float> floats(const Model& model, std::string_view name) {
  const auto* tensor = model.file().find(name);
  std::vector<float> values(tensor->elements());
  std::memcpy(values.data(), model.file().data(*tensor).data(), values.size() * sizeof(float));
  return values;
}

// The first layer's queries read the embeddings, normalised: that needs no model run.
std::vector<double> first_importance(const Model& model, std::span<const Token> tokens) {
  const auto table = floats(model, "token_embd.weight");
  const auto norm = floats(model, "blk.0.attn_norm.weight");
  const std::size_t width = norm.size();
  std::vector<double> sums(width, 0.0);
  for (const Token token : tokens) {
    const float* row = table.data() + static_cast<std::size_t>(token) * width;
    double squares = 0;
    for (std::size_t c = 0; c < width; ++c) squares += double{row[c]} * row[c];
    const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + 1e-6);
    for (std::size_t c = 0; c < width; ++c) sums[c] += std::pow(scale * row[c] * norm[c], 2);
  }
  for (double& sum : sums) sum /= static_cast<double>(tokens.size());
  return sums;
}

TEST(Calibrate, MeanSquaresOfWhatTheFirstMatrixReads) {
  const auto tokens = text(70);  // two windows of 32, six tokens left over
  const auto importance = calibrate(model(), tokens, windows_of(32));
  const auto expected = first_importance(*model(), std::span(tokens).first(64));
  const auto& found = importance.at("blk.0.attn_q.weight");
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t c = 0; c < expected.size(); ++c)
    EXPECT_NEAR(found[c], expected[c], 1e-4 * expected[c]) << c;
}

TEST(Calibrate, KnowsEveryMatrixThatIsMultiplied) {
  const auto opened = model();
  std::uint64_t last = 0;
  const auto importance =
      calibrate(opened, text(32), windows_of(16), [&](std::uint64_t done, std::uint64_t total) {
        EXPECT_EQ(done, last + 1);
        EXPECT_LE(done, total);
        last = done;
      });
  EXPECT_EQ(last, 2 * 4 + 1);  // four inputs a layer, and the head's
  EXPECT_EQ(importance.size(), 2 * 7 + 1);
  for (const auto& [name, values] : importance) {
    EXPECT_EQ(values.size(), opened->file().find(name)->cols()) << name;
    for (const float value : values) EXPECT_TRUE(value > 0 && std::isfinite(value)) << name;
  }
  EXPECT_EQ(importance.at("blk.1.attn_q.weight"), importance.at("blk.1.attn_v.weight"));
  EXPECT_EQ(importance.at("blk.1.ffn_gate.weight"), importance.at("blk.1.ffn_up.weight"));
  EXPECT_NE(importance.at("blk.0.ffn_up.weight"), importance.at("blk.1.ffn_up.weight"));
  EXPECT_NE(importance.at("blk.1.attn_q.weight"), importance.at("blk.1.attn_output.weight"));
}

TEST(Calibrate, AShortTextIsOneWindowAndTheMostIsKept) {
  const auto tokens = text(64);
  EXPECT_EQ(calibrate(model(), std::span(tokens).first(20), windows_of(32)),
            calibrate(model(), std::span(tokens).first(20), windows_of(20)));
  EXPECT_EQ(calibrate(model(), tokens, windows_of(16, 2)),
            calibrate(model(), std::span(tokens).first(32), windows_of(16)));
}

TEST(Calibrate, WindowsInTurnsGiveWhatTheyGiveTogether) {
  auto in_turns = windows_of(16);
  in_turns.activation_bytes = 1;
  std::uint64_t steps = 0;
  const auto found = calibrate(model(), text(50), in_turns,
                               [&](std::uint64_t, std::uint64_t total) { steps = total; });
  EXPECT_EQ(steps, 3 * (2 * 4 + 1));  // three windows, each by itself
  EXPECT_EQ(found, calibrate(model(), text(50), windows_of(16)));
}

TEST(Calibrate, SaysWhatIsWrongWithTheArguments) {
  EXPECT_THAT([] { calibrate(model(), text(15), windows_of(16)); },
              ThrowsMessage<Error>(HasSubstr("15 tokens: at least 16")));
  EXPECT_THAT([] { calibrate(model(), text(200), windows_of(128)); },
              ThrowsMessage<Error>(HasSubstr("window 128")));
}

}  // namespace
}  // namespace ceiling
