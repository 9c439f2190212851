// The CPU device against exact float32 passes over two real models (tests/data/reference). Its
// activations are int8 where the weights are quantised, so near ties may turn.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "device/cpu/cpu_device.h"
#include "device_runner.h"
#include "support/real_models.h"

namespace ceiling {
namespace {

double log_sum(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return highest + std::log(sum);
}

struct Agreement {
  double loss = 0, expected_loss = 0;  // sums, nats
  std::size_t tokens = 0, same_best = 0;
};

void check_case(test::DeviceRunner& runner, const nlohmann::json& expected, Agreement& all) {
  const auto tokens = expected["tokens"].get<std::vector<std::int32_t>>();
  const auto best = expected["argmax"].get<std::vector<std::ptrdiff_t>>();
  const std::vector<float> logits = runner.prefill(tokens, 256);
  const std::size_t width = runner.program().vocabulary;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::span<const float> row(logits.data() + i * width, width);
    all.same_best += std::max_element(row.begin(), row.end()) - row.begin() == best[i] ? 1 : 0;
    ++all.tokens;
    if (i + 1 < tokens.size())
      all.loss += log_sum(row) - row[static_cast<std::size_t>(tokens[i + 1])];
  }
  all.expected_loss += expected["mean_nll"].get<double>() * static_cast<double>(tokens.size() - 1);
}

void check_model(const char* model, const char* cases, KvType kv, double tolerance) {
  std::ifstream in(std::string(CEILING_TEST_DATA "/reference/") + cases);
  const auto expected = nlohmann::json::parse(in);
  ASSERT_GE(expected.size(), 7U);
  cpu::CpuOptions options;
  options.isa = active_isa();
  test::DeviceRunner runner(gguf::File::open(test::real_model(model)),
                            cpu::make_cpu_device(options),
                            {.kv = kv, .positions = 1024, .max_rows = 256});
  Agreement all;
  for (const auto& one : expected) check_case(runner, one, all);
  EXPECT_NEAR(all.loss / all.expected_loss, 1.0, tolerance);
  EXPECT_GE(static_cast<double>(all.same_best), 0.95 * static_cast<double>(all.tokens));
}

TEST(CpuModels, SmolLm2) {
  check_model(test::smollm2, "smollm2-135m-q4_1.json", KvType::f16, 0.005);
}
TEST(CpuModels, Gemma3) {
  check_model(test::gemma3, "gemma3-270m-q4_k_m.json", KvType::f16, 0.005);
}
TEST(CpuModels, SmolLm2WithQuantisedCache) {
  check_model(test::smollm2, "smollm2-135m-q4_1.json", KvType::q8_0, 0.01);
}

}  // namespace
}  // namespace ceiling
