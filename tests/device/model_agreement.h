// How well a device agrees with exact float32 passes over real models (tests/data/reference).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/isa.h"
#include "device/cpu/cpu_device.h"
#include "device_runner.h"
#include "support/real_models.h"

namespace ceiling::test {

inline double log_sum(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return highest + std::log(sum);
}

struct Agreement {
  double loss = 0, expected_loss = 0;  // sums, nats
  std::size_t tokens = 0, same_best = 0;
};

inline void check_case(DeviceRunner& runner, const nlohmann::json& expected, Agreement& all) {
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

// Activations are int8 where the weights are quantised, so near ties may turn.
inline void check_model(const std::shared_ptr<Device>& device, const char* model, const char* cases,
                        KvType kv, double tolerance) {
  std::ifstream in(std::string(CEILING_TEST_DATA "/reference/") + cases);
  const auto expected = nlohmann::json::parse(in);
  ASSERT_GE(expected.size(), 7U);
  DeviceRunner runner(gguf::File::open(real_model(model)), device,
                      {.kv = kv, .positions = 1024, .max_rows = 256});
  Agreement all;
  for (const auto& one : expected) check_case(runner, one, all);
  EXPECT_NEAR(all.loss / all.expected_loss, 1.0, tolerance);
  EXPECT_GE(static_cast<double>(all.same_best), 0.95 * static_cast<double>(all.tokens));
}

inline std::size_t best_of(std::span<const float> logits) {
  return static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
}

// Both decode what the CPU finds likeliest, from the start of a text: wherever the device would go
// on differently, the CPU's own scores must be near a tie. `texts`: at most so many, from the
// first.
inline void check_greedy(const std::shared_ptr<Device>& device, const char* model,
                         const char* cases, std::size_t texts = SIZE_MAX) {
  constexpr std::size_t kPrompt = 12, kSteps = 48;
  constexpr float kNearTie = 0.5F;  // of logits: both round activations
  std::ifstream in(std::string(CEILING_TEST_DATA "/reference/") + cases);
  const auto file = gguf::File::open(real_model(model));
  for (const auto& text : nlohmann::json::parse(in)) {
    if (texts-- == 0) break;
    auto tokens = text["tokens"].get<std::vector<std::int32_t>>();
    tokens.resize(std::min(tokens.size(), kPrompt));
    DeviceRunner expected(file, cpu::make_cpu_device({.isa = active_isa(), .pin = false}));
    DeviceRunner actual(file, device);
    const std::size_t vocabulary = actual.program().vocabulary;
    std::vector<float> of_cpu = expected.prefill(tokens, kPrompt);
    std::vector<float> of_device = actual.prefill(tokens, kPrompt);
    for (std::size_t i = 0; i < kSteps; ++i) {
      const std::span<const float> cpu = std::span(of_cpu).last(vocabulary);
      const std::size_t best = best_of(cpu);
      const std::size_t other = best_of(std::span(of_device).last(vocabulary));
      if (best != other) {
        EXPECT_LT(cpu[best] - cpu[other], kNearTie);
        std::cout << text["name"] << ": token " << i << " is " << best << " on the CPU, " << other
                  << " here; the CPU prefers its own by " << cpu[best] - cpu[other] << "\n";
      }
      const Batch next = DeviceRunner::rows(std::vector{static_cast<std::int32_t>(best)},
                                            static_cast<std::uint32_t>(tokens.size() + i));
      of_cpu = expected.run(next);
      of_device = actual.run(next);
    }
  }
}

}  // namespace ceiling::test
