// The oracle against exact float32 passes over the same two real models (tests/data/reference).
#include "device/reference/reference_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "model/architecture.h"
#include "support/real_models.h"

namespace ceiling {
namespace {

constexpr std::uint32_t kChunk = 128;  // rows of a step: longer texts cross steps and pages

// A model on the reference device with one sequence of `positions`.
class Runner {
 public:
  Runner(const std::string& path, std::uint32_t positions)
      : file_(gguf::File::open(path)),
        program_(build_program(*file_)),
        device_(make_reference_device()),
        kv_(device_->make_kv_store(program_, 0, program_.steps.size(), KvType::f16,
                                   positions / 16 + 1)),
        executable_(device_->compile(program_, Weights::bind(program_, file_), 0,
                                     program_.steps.size(), *kv_,
                                     {.max_rows = kChunk, .max_logit_rows = kChunk})) {
    tables_.resize(1);
    tables_[0].resize(kv_->page_count());
    std::iota(tables_[0].rbegin(), tables_[0].rend(), 0U);  // not in order
  }

  // Logits of each row of tokens[begin, end).
  std::span<const float> run(const std::vector<int>& tokens, std::size_t begin, std::size_t end) {
    Batch batch =
        shape_batch(static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin));
    for (std::size_t i = begin; i < end; ++i) {
      batch.rows[i - begin].token = tokens[i];
      batch.rows[i - begin].logits = true;
    }
    return executable_->run(batch, tables_);
  }

  std::size_t vocabulary() const { return program_.vocabulary; }

 private:
  std::shared_ptr<const gguf::File> file_;
  Program program_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<KvStore> kv_;
  std::unique_ptr<Executable> executable_;
  PageTables tables_;
};

// Natural logarithm of the sum of exponentials.
double log_sum(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return highest + std::log(sum);
}

void check_case(Runner& runner, const nlohmann::json& expected) {
  SCOPED_TRACE(expected["name"].get<std::string>());
  const auto tokens = expected["tokens"].get<std::vector<int>>();
  const auto argmax = expected["argmax"].get<std::vector<int>>();
  double nll = 0;
  for (std::size_t begin = 0; begin < tokens.size(); begin += kChunk) {
    const std::size_t end = std::min<std::size_t>(begin + kChunk, tokens.size());
    const std::span<const float> all = runner.run(tokens, begin, end);
    for (std::size_t i = begin; i < end; ++i) {
      const auto logits = all.subspan((i - begin) * runner.vocabulary(), runner.vocabulary());
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

void check_model(const char* model, const char* cases) {
  std::ifstream in(std::string(CEILING_TEST_DATA "/reference/") + cases);
  const auto expected = nlohmann::json::parse(in);
  ASSERT_GE(expected.size(), 7U);
  Runner runner(test::real_model(model), 1024);
  for (const auto& one : expected) check_case(runner, one);
}

TEST(ReferenceDevice, SmolLm2) { check_model(test::smollm2, "smollm2-135m-q4_1.json"); }
TEST(ReferenceDevice, Gemma3) { check_model(test::gemma3, "gemma3-270m-q4_k_m.json"); }

}  // namespace
}  // namespace ceiling
