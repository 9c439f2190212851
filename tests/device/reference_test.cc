// The oracle against exact float32 passes over the same models.
#include "device/reference/reference_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "device_runner.h"
#include "support/real_models.h"

namespace ceiling {
namespace {

using test::DeviceRunner;
using test::RunnerOptions;

constexpr std::uint32_t kChunk = 128;  // rows of a step: longer texts cross steps and pages

// Natural logarithm of the sum of exponentials.
double log_sum(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return highest + std::log(sum);
}

DeviceRunner open(const std::string& path) {
  return {gguf::File::open(path), make_reference_device(),
          RunnerOptions{.positions = 1024, .max_rows = kChunk}};
}

void check_case(DeviceRunner& runner, const nlohmann::json& expected) {
  SCOPED_TRACE(expected["name"].get<std::string>());
  const auto tokens = expected["tokens"].get<std::vector<std::int32_t>>();
  const auto argmax = expected["argmax"].get<std::vector<int>>();
  const std::size_t vocabulary = runner.program().vocabulary;
  double nll = 0;
  for (std::size_t begin = 0; begin < tokens.size(); begin += kChunk) {
    const std::size_t count = std::min<std::size_t>(kChunk, tokens.size() - begin);
    const std::vector<float> all = runner.run(DeviceRunner::rows(
        std::span(tokens).subspan(begin, count), static_cast<std::uint32_t>(begin)));
    for (std::size_t i = begin; i < begin + count; ++i) {
      const auto logits = std::span(all).subspan((i - begin) * vocabulary, vocabulary);
      const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
      ASSERT_EQ(best, argmax[i]) << "position " << i;
      const double total = log_sum(logits);
      if (i + 1 < tokens.size()) {
        nll += total - logits[static_cast<std::size_t>(tokens[i + 1])];
        continue;
      }
      for (const auto& [token, log_probability] :
           expected["next_top10"].get<std::vector<std::pair<std::size_t, double>>>()) {
        EXPECT_NEAR(logits[token] - total, log_probability, 1e-3) << "token " << token;
      }
    }
  }
  const double mean = nll / static_cast<double>(tokens.size() - 1);
  EXPECT_NEAR(mean / expected["mean_nll"].get<double>(), 1.0, 1e-3);
}

// tests/data/reference
void check_model(const char* model, const char* cases) {
  std::ifstream in(std::string(CEILING_TEST_DATA "/reference/") + cases);
  const auto expected = nlohmann::json::parse(in);
  ASSERT_GE(expected.size(), 7U);
  DeviceRunner runner = open(test::real_model(model));
  for (const auto& one : expected) check_case(runner, one);
}

// Tiny models of each architecture, with every variant that its Program knows, against llama.cpp's
// float32 arithmetic (tests/data/model/make_logits.py).
TEST(ReferenceDevice, EveryArchitecture) {
  const std::string folder = CEILING_TEST_DATA "/model/";
  std::ifstream in(folder + "logits.json");
  const auto expected = nlohmann::json::parse(in);
  const auto tokens = expected["tokens"].get<std::vector<std::int32_t>>();
  ASSERT_EQ(expected["models"].size(), supported_architectures().size());
  for (const auto& model : expected["models"]) {
    SCOPED_TRACE(model["file"].get<std::string>());
    DeviceRunner runner = open(folder + model["file"].get<std::string>());
    Batch batch = DeviceRunner::rows(std::span(tokens).first(15), 0);
    for (BatchRow& row : batch.rows) row.logits = false;
    EXPECT_TRUE(runner.run(batch).empty());
    batch = DeviceRunner::rows(std::span(tokens).subspan(15), 15);
    for (BatchRow& row : batch.rows) row.logits = &row == &batch.rows.back();
    const std::vector<float> logits = runner.run(batch);
    const auto wanted = model["logits"].get<std::vector<float>>();
    ASSERT_EQ(logits.size(), wanted.size());
    // llama.cpp takes GELU from a table of halves.
    const float tolerance = runner.program().architecture == "gemma3" ? 2e-3F : 2e-4F;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(logits[i], wanted[i], tolerance) << i;
    }
  }
}

TEST(ReferenceDevice, SmolLm2) { check_model(test::smollm2, "smollm2-135m-q4_1.json"); }
TEST(ReferenceDevice, Gemma3) { check_model(test::gemma3, "gemma3-270m-q4_k_m.json"); }

}  // namespace
}  // namespace ceiling
