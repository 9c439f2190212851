// The CUDA device against the oracle on small models of every architecture and type, and against
// itself. Where there is no device these say so and are skipped; the last needs none.
#include "device/cuda/cuda_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "base/error.h"
#include "cuda/cuda_test.h"
#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"
#include "device_runner.h"
#include "model_agreement.h"
#include "tiny_runs.h"

namespace ceiling {
namespace {

using test::DeviceRunner;
using test::distance;
using test::kModels;
using test::RunnerOptions;
using test::some_tokens;
using test::tiny;
using test::Tokens;
using test::wide;

class CudaDevice : public test::CudaTest {};

TEST_F(CudaDevice, AgreesWithTheOracleInEveryArchitecture) {
  const Tokens tokens = some_tokens(150);  // over two page boundaries
  for (const char* name : kModels) {
    const auto file = tiny(name).open();
    const auto expected = DeviceRunner(file, make_reference_device()).prefill(tokens, 50);
    for (const std::size_t chunk : {64U, 8U, 3U, 1U}) {
      SCOPED_TRACE(std::string(name) + " in chunks of " + std::to_string(chunk));
      DeviceRunner runner(file, device);
      EXPECT_LT(distance(runner.prefill(tokens, chunk), expected), 4e-3);  // float16 in prompts
    }
  }
}

TEST_F(CudaDevice, AgreesWithTheOracleInEveryType) {
  const Tokens tokens = some_tokens(40);
  for (const TypeInfo& type : all_types()) {
    const auto file = wide("qwen3", type.type).open();
    const auto expected = DeviceRunner(file, make_reference_device()).prefill(tokens, 40);
    for (const std::size_t chunk : {1U, 4U, 7U, 40U}) {
      SCOPED_TRACE(std::string(type.name) + " in chunks of " + std::to_string(chunk));
      const bool exact = type.block_elements == 1 || chunk == 40;  // no int8 activations
      DeviceRunner runner(file, device);
      EXPECT_LT(distance(runner.prefill(tokens, chunk), expected), exact ? 5e-3 : 0.03);
    }
  }
}

TEST_F(CudaDevice, MixedTypesShareAKernel) {
  const Tokens tokens = some_tokens(40);
  for (const TensorType first : {TensorType::Q4_K, TensorType::Q5_K, TensorType::Q8_0}) {
    SCOPED_TRACE(name(first));
    TinyModel model = wide("qwen3", first);
    for (auto& [tensor, shape] : model.tensors) {
      if (tensor.ends_with("attn_v.weight") || tensor.ends_with("ffn_down.weight") ||
          tensor == "output.weight") {
        shape.type = TensorType::Q6_K;
      }
      if (tensor.ends_with("ffn_gate.weight")) shape.type = TensorType::F16;
    }
    const auto file = model.open();
    const auto expected = DeviceRunner(file, make_reference_device()).prefill(tokens, 40);
    for (const std::size_t chunk : {1U, 40U}) {
      EXPECT_LT(distance(DeviceRunner(file, device).prefill(tokens, chunk), expected), 0.03);
    }
  }
}

TEST_F(CudaDevice, IdenticalFromRunToRun) {
  const Tokens tokens = some_tokens(140);
  for (const char* name : {"llama", "gemma3"}) {
    const auto file = TinyModel::make(name).with_type(TensorType::Q8_0).open();
    for (const std::size_t chunk : {1U, 5U, 60U}) {
      const auto first = DeviceRunner(file, device).prefill(tokens, chunk);
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(DeviceRunner(file, device).prefill(tokens, chunk), first);
      }
    }
  }
}

TEST_F(CudaDevice, RunsAnySegment) {
  const Tokens tokens = some_tokens(20);
  for (const char* name : {"qwen3", "gemma3"}) {
    const auto file = TinyModel::make(name).open();
    DeviceRunner whole(file, device);
    const auto expected = whole.prefill(tokens, 10);
    const std::size_t steps = whole.program().steps.size();
    for (std::size_t cut = 1; cut < steps; ++cut) {
      SCOPED_TRACE(std::string(name) + " cut before step " + std::to_string(cut));
      if (std::holds_alternative<Attention>(whole.program().steps[cut].operation)) continue;
      DeviceRunner first(file, device, {.end = cut});
      DeviceRunner second(file, device, {.begin = cut});
      std::vector<float> logits;
      for (const std::uint32_t begin : {0U, 10U, 11U}) {  // 10 rows, 1 row, 9 rows
        const std::uint32_t end = begin == 0 ? 10U : (begin == 10 ? 11U : 20U);
        const Batch batch =
            DeviceRunner::rows(std::span(tokens).subspan(begin, end - begin), begin);
        const auto out = second.run(batch, first.run(batch));
        logits.insert(logits.end(), out.begin(), out.end());
      }
      ASSERT_LT(distance(logits, expected), 2e-3);
    }
  }
}

TEST_F(CudaDevice, SequencesOfABatchDoNotTouchEachOther) {
  constexpr std::uint32_t kSequences = 12;
  const auto file = TinyModel::make("gemma3").open();
  const RunnerOptions options{.sequences = kSequences};
  DeviceRunner together(file, device, options);
  DeviceRunner alone(file, device, options);
  std::vector<std::uint32_t> lengths;
  for (std::uint32_t s = 0; s < kSequences; ++s) {
    lengths.push_back(60 + s);
    const Tokens tokens = some_tokens(60 + s);
    together.prefill(tokens, 64, s);
    alone.prefill(tokens, 64, s);
  }
  for (const std::uint32_t rows : {2U, 4U, 8U, kSequences}) {
    Batch batch;
    std::vector<float> expected;
    for (std::uint32_t s = 0; s < rows; ++s) {
      const Tokens token{static_cast<std::int32_t>(s + rows)};
      const Batch one = DeviceRunner::rows(token, lengths[s]++, s);
      batch.rows.push_back(one.rows[0]);
      const auto logits = alone.run(one);
      expected.insert(expected.end(), logits.begin(), logits.end());
    }
    EXPECT_LT(distance(together.run(batch), expected), 2e-3) << rows;
  }
}

TEST_F(CudaDevice, OnlyWantedLogitsComeOut) {
  const Tokens tokens = some_tokens(12);
  const auto file = TinyModel::make("llama").open();
  const auto expected = DeviceRunner(file, device).prefill(tokens, 12);
  DeviceRunner some(file, device);
  Batch batch = DeviceRunner::rows(tokens, 0);
  for (std::size_t i = 0; i < tokens.size(); ++i) batch.rows[i].logits = i == 3 || i == 11;
  const auto logits = some.run(batch);
  ASSERT_EQ(logits.size(), 100U);
  const std::span<const float> e(expected);
  EXPECT_LT(distance(std::span(logits).first(50), e.subspan(150, 50)), 2e-3);
  EXPECT_LT(distance(std::span(logits).last(50), e.subspan(550, 50)), 2e-3);
  for (BatchRow& row : batch.rows) row.logits = false;
  for (BatchRow& row : batch.rows) row.position += 12;
  EXPECT_TRUE(some.run(batch).empty());
}

TEST_F(CudaDevice, QuantisedCacheStaysClose) {
  const Tokens tokens = some_tokens(150);
  for (const char* name : kModels) {
    SCOPED_TRACE(name);
    const auto file = tiny(name).open();
    const auto exact = DeviceRunner(file, device).prefill(tokens, 64);
    for (const std::size_t chunk : {64U, 1U}) {
      DeviceRunner runner(file, device, {.kv = KvType::q8_0});
      const double error = distance(runner.prefill(tokens, chunk), exact);
      EXPECT_LT(error, 0.02);
      EXPECT_GT(error, 0);
    }
  }
}

TEST_F(CudaDevice, PagesMoveToTheCpuAndBack) {
  const Tokens tokens = some_tokens(100);
  const auto file = TinyModel::make("qwen3").open();
  for (const KvType type : {KvType::f16, KvType::q8_0}) {
    DeviceRunner from(file, device, {.kv = type});
    DeviceRunner to(file, cpu::make_cpu_device({.threads = 2, .isa = active_isa(), .pin = false}),
                    {.kv = type});
    from.prefill(tokens, 64);
    std::vector<std::byte> canonical(from.kv().canonical_page_bytes());
    ASSERT_EQ(to.kv().canonical_page_bytes(), canonical.size());
    for (const std::uint32_t page : {0U, 1U}) {
      from.kv().export_page(from.tables()[0][page], canonical);
      to.kv().import_page(to.tables()[0][page], canonical);
    }
    from.kv().copy_page(from.tables()[0][1], from.tables()[0][5]);  // a fork
    const Batch next = DeviceRunner::rows(Tokens{9}, 100);
    const auto expected = from.run(next);
    EXPECT_LT(distance(to.run(next), expected), type == KvType::f16 ? 2e-3 : 1e-2);
    std::swap(from.tables()[0][1], from.tables()[0][5]);
    EXPECT_EQ(from.run(next), expected);
    to.kv().export_page(to.tables()[0][0], canonical);
    from.kv().import_page(from.tables()[0][0], canonical);
    EXPECT_LT(distance(from.run(next), expected), type == KvType::f16 ? 1e-6 : 1e-2);
  }
}

TEST_F(CudaDevice, CountsWhatItReadsAndCopies) {
  TinyModel model = TinyModel::make("gemma3");
  model.tensors.erase("output.weight");  // tied
  DeviceRunner runner(model.open(), device);
  std::uint64_t weights = 0;
  std::uint64_t kv = 0;
  std::uint32_t position = 0;
  for (const std::size_t rows : {5U, 1U, 20U}) {
    Batch batch = DeviceRunner::rows(some_tokens(rows), position);
    for (BatchRow& row : batch.rows) row.logits = rows != 5;
    position += static_cast<std::uint32_t>(rows);
    runner.run(batch);
    const Cost expected = cost(runner.program(), batch);
    weights += expected.weight_bytes;
    kv += expected.kv_read_bytes;
  }
  EXPECT_EQ(runner.executable().traffic().weight_bytes, weights);
  EXPECT_EQ(runner.executable().traffic().kv_bytes, kv);
  EXPECT_EQ(runner.executable().traffic().copied_bytes, runner.program().weight_bytes());
  EXPECT_EQ(runner.executable().upload().bytes.value, runner.program().weight_bytes());
  EXPECT_GT(runner.executable().upload().time.value, 0);
}

TEST_F(CudaDevice, ProfileCoversEachStepOnceAndAllOfTheTime) {
  const auto file = TinyModel::make("gemma3").open();
  DeviceRunner runner(file, device);
  const Tokens tokens = some_tokens(60);
  runner.executable().set_profiling(true);
  const auto profiled = runner.prefill(tokens, 1);
  runner.executable().set_profiling(false);
  std::vector<int> times(runner.program().steps.size(), 0);
  std::uint64_t bytes = 0;
  for (const ProfileEntry& entry : runner.executable().profile()) {
    EXPECT_GT(entry.time.value, 0) << entry.label;
    bytes += entry.bytes;
    for (const std::size_t step : entry.steps) ++times[step];
  }
  EXPECT_EQ(times, std::vector<int>(times.size(), 1));
  const Traffic traffic = runner.executable().traffic();
  EXPECT_EQ(bytes, traffic.weight_bytes + traffic.kv_bytes);
  EXPECT_EQ(profiled, DeviceRunner(file, device).prefill(tokens, 1));  // the same kernels
}

TEST_F(CudaDevice, RunsExperts) {
  const auto file = test::expert_model().open();
  const Tokens tokens = some_tokens(40);
  const Program program = test::expert_program();
  const auto expected = DeviceRunner(program, file, make_reference_device()).prefill(tokens, 40);
  for (const std::size_t chunk : {1U, 3U, 40U}) {
    DeviceRunner runner(program, file, device);
    EXPECT_LT(distance(runner.prefill(tokens, chunk), expected), 2e-3) << chunk;
  }
}

TEST_F(CudaDevice, LargeActivationsFitFloat16) {
  TinyModel model = TinyModel::make("llama");
  const auto file = model.open();
  Program program = build_program(*file);
  for (Step& step : program.steps) {  // the residual stream far beyond what float16 holds
    if (auto* embed = std::get_if<Embed>(&step.operation)) embed->scale = 1e7F;
  }
  const Tokens tokens = some_tokens(40);
  const auto expected = DeviceRunner(program, file, make_reference_device()).prefill(tokens, 40);
  EXPECT_LT(distance(DeviceRunner(program, file, device).prefill(tokens, 40), expected), 2e-3);
  // Not normalised before the last product.
  Program plain = program;
  std::erase_if(plain.steps, [&](const Step& step) { return step.layer >= 0; });
  for (Step& step : plain.steps) {
    if (auto* norm = std::get_if<RmsNorm>(&step.operation)) {
      step.operation =
          SelectRows{.in = std::get<Embed>(plain.steps[0].operation).out, .out = norm->out};
    }
  }
  validate(plain);
  const auto sums = DeviceRunner(plain, file, make_reference_device()).prefill(tokens, 40);
  EXPECT_LT(distance(DeviceRunner(plain, file, device).prefill(tokens, 40), sums), 2e-3);
}

TEST_F(CudaDevice, RefusesWhatItCannotRun) {
  DeviceRunner runner(TinyModel::make("llama").open(), device);
  EXPECT_THROW(runner.run({}), Error);
  EXPECT_THROW(runner.run(DeviceRunner::rows(some_tokens(65), 0)), Error);  // max_rows is 64
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{50}, 0)), Error);       // vocabulary
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 100000)), Error);   // no page
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 0, 1)), Error);     // no sequence
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 0), std::vector<float>{1}), Error);
  const auto file = TinyModel::make("llama").open();
  try {
    device->make_kv_store(build_program(*file), 0, build_program(*file).steps.size(), KvType::f16,
                          2'000'000'000);
    ADD_FAILURE() << "a KV cache beyond the memory was made";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("the KV cache needs"));
    EXPECT_EQ(error.code(), ExitCode::failed);
  }
  EXPECT_EQ(runner.run(DeviceRunner::rows(Tokens{1}, 0)).size(), 50U);  // still there
}

TEST_F(CudaDevice, SmolLm2) {
  test::check_model(device, test::smollm2, "smollm2-135m-q4_1.json", KvType::f16, 0.005);
}
TEST_F(CudaDevice, Gemma3) {
  test::check_model(device, test::gemma3, "gemma3-270m-q4_k_m.json", KvType::f16, 0.005);
}
TEST_F(CudaDevice, SmolLm2WithQuantisedCache) {
  test::check_model(device, test::smollm2, "smollm2-135m-q4_1.json", KvType::q8_0, 0.01);
}

std::size_t best_of(std::span<const float> logits) {
  return static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
}

// Both decode what the CPU finds likeliest, from the start of a text: wherever the device would go
// on differently, the CPU's own scores must be near a tie.
void check_greedy(const std::shared_ptr<Device>& device, const char* model, const char* cases) {
  constexpr std::size_t kPrompt = 12, kSteps = 48;
  constexpr float kNearTie = 0.5F;  // of logits: both round activations
  std::ifstream in(std::string(CEILING_TEST_DATA "/reference/") + cases);
  const auto file = gguf::File::open(test::real_model(model));
  for (const auto& text : nlohmann::json::parse(in)) {
    auto tokens = text["tokens"].get<Tokens>();
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
      const Batch next = DeviceRunner::rows(Tokens{static_cast<std::int32_t>(best)},
                                            static_cast<std::uint32_t>(tokens.size() + i));
      of_cpu = expected.run(next);
      of_device = actual.run(next);
    }
  }
}
TEST_F(CudaDevice, GreedyTokensAreTheCpusButForNearTies) {
  check_greedy(device, test::smollm2, "smollm2-135m-q4_1.json");
  check_greedy(device, test::gemma3, "gemma3-270m-q4_k_m.json");
}

// What a machine without a driver, or a build without CUDA, tells.
TEST(NoCudaDevice, SaysWhatToInstall) {
  try {
    cuda::make_cuda_device({});
    GTEST_SKIP() << "there is a device";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(),
                testing::AnyOf(testing::HasSubstr("install"), testing::HasSubstr("nvidia-smi")));
  }
}

TEST_F(CudaDevice, ThereIsNoDeviceOfThatNumber) {
  EXPECT_THROW(cuda::make_cuda_device({.number = 1000}), Error);
}

}  // namespace
}  // namespace ceiling
