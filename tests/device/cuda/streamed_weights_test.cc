// Layers that cross the link at every step give what layers on the device give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cuda/cuda_test.h"
#include "device_runner.h"
#include "tiny_runs.h"

namespace ceiling {
namespace {

using test::DeviceRunner;
using test::RunnerOptions;

std::vector<StepRange> layers_of(const Program& program) {
  std::vector<StepRange> out;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    if (program.steps[i].layer < 0) continue;
    if (out.empty() || program.steps[i].layer != program.steps[i - 1].layer) out.push_back({i, i});
    out.back().end = i + 1;
  }
  return out;
}

std::uint64_t matrix_bytes(const Program& program) {
  std::uint64_t bytes = 0;
  for (const Weight& weight : program.weights) {
    if (weight.rows > 1 && weight.name.starts_with("blk.")) bytes += weight.bytes();
  }
  return bytes;
}

class StreamedWeights : public test::CudaTest {
 protected:
  RunnerOptions streaming(const std::shared_ptr<const gguf::File>& file) const {
    return {.streamed = layers_of(build_program(*file))};
  }
};

TEST_F(StreamedWeights, GiveTheSameBitsInEveryType) {
  const test::Tokens tokens = test::some_tokens(20);
  for (const TypeInfo& type : all_types()) {
    const auto file = test::wide("qwen3", type.type).open();
    for (const std::size_t chunk : {1U, 7U, 20U}) {
      SCOPED_TRACE(std::string(type.name) + " in chunks of " + std::to_string(chunk));
      const auto expected = DeviceRunner(file, device).prefill(tokens, chunk);
      DeviceRunner streamed(file, device, streaming(file));
      EXPECT_EQ(streamed.prefill(tokens, chunk), expected);
    }
  }
}

TEST_F(StreamedWeights, EveryLayerCrossesInEveryStep) {
  TinyModel model = TinyModel::make("llama", 5);
  const auto file = model.open();
  DeviceRunner runner(file, device, streaming(file));
  const std::uint64_t layers = matrix_bytes(runner.program());
  EXPECT_LT(runner.executable().upload().bytes.value, runner.program().weight_bytes() - layers + 1);
  const test::Tokens tokens = test::some_tokens(4);
  runner.prefill(tokens, 4);
  const std::uint64_t first = runner.executable().traffic().link_bytes;
  EXPECT_GE(first, layers);
  EXPECT_LE(first, layers + 2 * layers / 5);  // two are on their way to the next step
  for (std::uint32_t i = 0; i < 3; ++i) {
    runner.run(DeviceRunner::rows(std::span(tokens).first(1), 4 + i));
  }
  EXPECT_EQ(runner.executable().traffic().link_bytes, first + 3 * layers);
}

// What fits the window crosses once.
TEST_F(StreamedWeights, TwoLayersStayInTheWindow) {
  const auto file = TinyModel::make("llama", 2).open();
  DeviceRunner runner(file, device, streaming(file));
  runner.prefill(test::some_tokens(9), 1);
  EXPECT_EQ(runner.executable().traffic().link_bytes, matrix_bytes(runner.program()));
}

// Some layers in one segment, others in another; a second round takes the window over in between.
TEST_F(StreamedWeights, RoundsTakeTurns) {
  const auto file = TinyModel::make("gemma3", 6).open();
  const Program program = build_program(*file);
  const std::vector<StepRange> layers = layers_of(program);
  const auto weights = Weights::bind(program, file);
  const test::Tokens tokens = test::some_tokens(30);
  const auto expected = DeviceRunner(file, device).prefill(tokens, 1);
  struct Whole {
    std::unique_ptr<KvStore> kv;
    std::unique_ptr<Executable> first, second;
  };
  const auto compile = [&](unsigned round) {
    Whole out;
    out.kv = device->make_kv_store(program, 0, program.steps.size(), KvType::f16, 2);
    const std::size_t cut = layers[3].begin;
    CompileOptions options{.max_rows = 8, .max_logit_rows = 8};
    options.round = round;
    options.streamed = {layers[1], layers[2]};
    out.first = device->compile(program, weights, 0, cut, *out.kv, options);
    options.streamed = {layers[3], layers[5]};
    out.second = device->compile(program, weights, cut, program.steps.size(), *out.kv, options);
    return out;
  };
  const Whole rounds[] = {compile(0), compile(1)};
  std::vector<float> logits[2];
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    const Batch batch = DeviceRunner::rows(std::span(tokens).subspan(i, 1), i);
    for (std::size_t k = 0; k < 2; ++k) {
      const PageTables tables = {{1, 0}};
      const auto out = rounds[k].second->run(batch, tables, rounds[k].first->run(batch, tables));
      logits[k].insert(logits[k].end(), out.begin(), out.end());
    }
  }
  EXPECT_EQ(logits[0], expected);
  EXPECT_EQ(logits[1], expected);
}

TEST_F(StreamedWeights, SegmentsOfAModelCopyItsWeightsOnce) {
  const auto file = TinyModel::make("llama", 3).open();
  const Program program = build_program(*file);
  const auto weights = Weights::bind(program, file);
  const auto kv = device->make_kv_store(program, 0, program.steps.size(), KvType::f16, 2);
  const auto compile = [&] {
    return device->compile(program, weights, 0, program.steps.size(), *kv,
                           {.max_rows = 8, .max_logit_rows = 8});
  };
  auto first = compile();
  const auto second = compile();
  EXPECT_EQ(first->upload().bytes.value, program.weight_bytes());
  EXPECT_EQ(second->upload().bytes.value, 0U);
  const Batch batch = DeviceRunner::rows(test::some_tokens(5), 0);
  const PageTables tables = {{0}};
  const std::span<const float> out = first->run(batch, tables);
  const std::vector<float> expected(out.begin(), out.end());
  first.reset();  // the second keeps what it reads
  EXPECT_THAT(second->run(batch, tables), testing::ElementsAreArray(expected));
}

TEST_F(StreamedWeights, ProfileCoversEachStepOnce) {
  const auto file = TinyModel::make("gemma3", 4).open();
  DeviceRunner runner(file, device, streaming(file));
  runner.executable().set_profiling(true);
  const auto profiled = runner.prefill(test::some_tokens(10), 1);
  std::vector<int> times(runner.program().steps.size(), 0);
  for (const ProfileEntry& entry : runner.executable().profile()) {
    for (const std::size_t step : entry.steps) ++times[step];
  }
  EXPECT_EQ(times, std::vector<int>(times.size(), 1));
  EXPECT_EQ(profiled, DeviceRunner(file, device).prefill(test::some_tokens(10), 1));
}

TEST_F(StreamedWeights, TheLinksRateIsMeasured) {
  const auto rate = device->link_rate();
  ASSERT_TRUE(rate.has_value());
  EXPECT_GT(rate->value, 1e9);
}

}  // namespace
}  // namespace ceiling
