// The suite for any device: against the oracle on small models of every architecture and type, and
// against itself.
#include "any_device.h"

#include <gmock/gmock.h>

#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"
#include "device_runner.h"
#include "tiny_runs.h"

namespace ceiling::test {
namespace {

TEST_P(AnyDevice, AgreesWithTheOracleInEveryArchitecture) {
  const Tokens tokens = some_tokens(150);  // over two page boundaries
  for (const char* name : kModels) {
    const auto file = tiny(name).open();
    const auto expected = DeviceRunner(file, make_reference_device()).prefill(tokens, 50);
    for (const std::size_t chunk : {64U, 8U, 3U, 1U}) {
      SCOPED_TRACE(std::string(name) + " in chunks of " + std::to_string(chunk));
      DeviceRunner runner(file, device);
      EXPECT_LT(distance(runner.prefill(tokens, chunk), expected), GetParam().float32);
    }
  }
}

TEST_P(AnyDevice, AgreesWithTheOracleInEveryType) {
  const Tokens tokens = some_tokens(12);
  for (const TypeInfo& type : all_types()) {
    const auto file = wide("qwen3", type.type).open();
    const auto expected = DeviceRunner(file, make_reference_device()).prefill(tokens, 12);
    for (const std::size_t chunk : {1U, 4U, 7U, 12U}) {
      SCOPED_TRACE(std::string(type.name) + " in chunks of " + std::to_string(chunk));
      DeviceRunner runner(file, device);
      EXPECT_LT(distance(runner.prefill(tokens, chunk), expected), GetParam().of_type(type, chunk));
    }
  }
}

TEST_P(AnyDevice, MixesTypesInOneModel) {
  const Tokens tokens = some_tokens(12);
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
    const auto expected = DeviceRunner(file, make_reference_device()).prefill(tokens, 12);
    for (const std::size_t chunk : {1U, 12U}) {
      EXPECT_LT(distance(DeviceRunner(file, device).prefill(tokens, chunk), expected), 0.03);
    }
  }
}

TEST_P(AnyDevice, IdenticalFromRunToRun) {
  const Tokens tokens = some_tokens(70);
  for (const char* name : {"llama", "gemma3"}) {
    const auto file = TinyModel::make(name).with_type(TensorType::Q8_0).open();
    for (const std::size_t chunk : {1U, 5U, 60U}) {
      const auto first = DeviceRunner(file, device).prefill(tokens, chunk);
      for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(DeviceRunner(file, device).prefill(tokens, chunk), first);
      }
    }
  }
}

// Rows too long, and too many, for the kernels of the small models: one product by itself.
TEST_P(AnyDevice, MultipliesLongRows) {
  const Tokens tokens = some_tokens(3);
  for (const TensorType type : {TensorType::Q4_K, TensorType::Q6_K, TensorType::Q8_0}) {
    SCOPED_TRACE(name(type));
    const OneProduct product{type};
    const auto file = product.model().open();
    const Program program = product.program();
    const auto expected = DeviceRunner(program, file, make_reference_device()).prefill(tokens, 3);
    DeviceRunner runner(program, file, device);
    EXPECT_LT(distance(runner.prefill(tokens, 1), expected), 0.03);
  }
}

// From a few pages on a device may share attention in another way.
TEST_P(AnyDevice, AgreesWithTheOracleDeepInAText) {
  const Tokens tokens = some_tokens(372);
  const std::span<const std::int32_t> prompt = std::span(tokens).first(360);
  const RunnerOptions options{.positions = 512};
  const auto run = [&](DeviceRunner& runner) {  // a prompt in chunks, then single steps
    std::vector<float> logits = runner.prefill(prompt, 60);
    for (std::uint32_t i = 360; i < tokens.size(); ++i) {
      const auto more = runner.run(DeviceRunner::rows(std::span(tokens).subspan(i, 1), i));
      logits.insert(logits.end(), more.begin(), more.end());
    }
    return logits;
  };
  for (const char* name : {"llama", "gemma3"}) {
    SCOPED_TRACE(name);
    const auto file = wide(name, TensorType::F16).open();
    const auto expected = DeviceRunner(file, make_reference_device(), options).prefill(tokens, 60);
    const std::size_t deep = prompt.size() * 50;  // logits of the prompt
    DeviceRunner runner(file, device, options);
    const auto actual = run(runner);
    EXPECT_LT(distance(actual, expected), 5e-3);
    EXPECT_LT(distance(std::span(actual).subspan(deep), std::span(expected).subspan(deep)), 5e-3);
    DeviceRunner again(file, device, options);
    EXPECT_EQ(run(again), actual);
  }
}

TEST_P(AnyDevice, ChunksOfAPromptAgreeWithSingleSteps) {
  const Tokens tokens = some_tokens(100);
  for (const char* name : kModels) {
    SCOPED_TRACE(name);
    const auto file = tiny(name).open();
    const auto single = DeviceRunner(file, device).prefill(tokens, 1);
    for (const std::size_t chunk : {2U, 4U, 5U, 63U, 64U}) {
      SCOPED_TRACE(chunk);
      const auto logits = DeviceRunner(file, device).prefill(tokens, chunk);
      EXPECT_LT(distance(logits, single), GetParam().same);
    }
  }
}

TEST_P(AnyDevice, RunsAnySegment) {
  const Tokens tokens = some_tokens(20);
  for (const char* name : {"qwen3", "gemma3"}) {
    const auto file = TinyModel::make(name).open();
    DeviceRunner whole(file, device);
    const auto expected = whole.prefill(tokens, 10);
    const std::size_t steps = whole.program().steps.size();
    for (std::size_t cut = 1; cut < steps; ++cut) {
      SCOPED_TRACE(std::string(name) + " cut before step " + std::to_string(cut));
      // A cut between an append and its attention: both sides hold that layer's cache.
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
      ASSERT_LT(distance(logits, expected), GetParam().same);
    }
  }
}

TEST_P(AnyDevice, SequencesOfABatchDoNotTouchEachOther) {
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
  for (const std::uint32_t rows : {2U, 4U, 7U, 8U, kSequences}) {
    Batch batch;
    std::vector<float> expected;
    for (std::uint32_t s = 0; s < rows; ++s) {
      const Tokens token{static_cast<std::int32_t>(s + rows)};
      const Batch one = DeviceRunner::rows(token, lengths[s]++, s);
      batch.rows.push_back(one.rows[0]);
      const auto logits = alone.run(one);
      expected.insert(expected.end(), logits.begin(), logits.end());
    }
    EXPECT_LT(distance(together.run(batch), expected), GetParam().same) << rows;
  }
}

TEST_P(AnyDevice, OnlyWantedLogitsComeOut) {
  const Tokens tokens = some_tokens(12);
  const auto file = TinyModel::make("llama").open();
  const auto expected = DeviceRunner(file, device).prefill(tokens, 12);
  DeviceRunner some(file, device);
  Batch batch = DeviceRunner::rows(tokens, 0);
  for (std::size_t i = 0; i < tokens.size(); ++i) batch.rows[i].logits = i == 3 || i == 11;
  const auto logits = some.run(batch);
  ASSERT_EQ(logits.size(), 100U);
  const std::span<const float> e(expected);
  EXPECT_LT(distance(std::span(logits).first(50), e.subspan(150, 50)), GetParam().same);
  EXPECT_LT(distance(std::span(logits).last(50), e.subspan(550, 50)), GetParam().same);
  for (BatchRow& row : batch.rows) row.logits = false;
  for (BatchRow& row : batch.rows) row.position += 12;
  EXPECT_TRUE(some.run(batch).empty());
}

TEST_P(AnyDevice, QuantisedCacheStaysClose) {
  if (!GetParam().quantised_cache) GTEST_SKIP() << "this device's cache is float16";
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

TEST_P(AnyDevice, PagesMoveToTheCpuAndBack) {
  const Tokens tokens = some_tokens(100);
  const auto file = TinyModel::make("qwen3").open();
  for (const KvType type : {KvType::f16, KvType::q8_0}) {
    if (type == KvType::q8_0 && !GetParam().quantised_cache) continue;
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
    EXPECT_LT(distance(to.run(next), expected), type == KvType::f16 ? GetParam().same : 1e-2);
    std::swap(from.tables()[0][1], from.tables()[0][5]);
    EXPECT_EQ(from.run(next), expected);
    to.kv().export_page(to.tables()[0][0], canonical);
    from.kv().import_page(from.tables()[0][0], canonical);
    EXPECT_LT(distance(from.run(next), expected), type == KvType::f16 ? 1e-6 : 1e-2);
  }
}

TEST_P(AnyDevice, CountsWhatItReadsAndCopies) {
  for (const char* name : {"llama", "gemma3"}) {
    TinyModel model = TinyModel::make(name);
    if (model.architecture == "gemma3") model.tensors.erase("output.weight");  // tied
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
    const std::uint64_t copied = GetParam().copies_weights ? runner.program().weight_bytes() : 0;
    EXPECT_EQ(runner.executable().traffic().weight_bytes, weights);
    EXPECT_EQ(runner.executable().traffic().kv_bytes, kv);
    EXPECT_EQ(runner.executable().traffic().copied_bytes, copied);
    EXPECT_EQ(runner.executable().upload().bytes.value, copied);
    EXPECT_EQ(runner.executable().upload().time.value > 0, GetParam().copies_weights);
    EXPECT_EQ(device->residency(runner.program(), 0),
              GetParam().copies_weights ? Residency::copied : Residency::shared);
  }
}

TEST_P(AnyDevice, ProfileCoversEachStepOnceAndAllOfTheBytes) {
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

TEST_P(AnyDevice, RunsExperts) {
  const auto file = expert_model().open();
  const Tokens tokens = some_tokens(40);
  const Program program = expert_program();
  validate(program);
  const auto expected = DeviceRunner(program, file, make_reference_device()).prefill(tokens, 40);
  for (const std::size_t chunk : {1U, 3U, 40U}) {
    DeviceRunner runner(program, file, device);
    const double most = GetParam().of_type(info(TensorType::Q8_0), chunk);
    EXPECT_LT(distance(runner.prefill(tokens, chunk), expected), most) << chunk;
  }
}

TEST_P(AnyDevice, RunsExpertsOfEveryType) {
  const Tokens tokens = some_tokens(12);
  for (const TypeInfo& type : all_types()) {
    const ExpertShape shape{.width = 256, .hidden = 512, .outer = type.type, .inner = type.type};
    const auto file = expert_model(shape).open();
    const Program program = expert_program(shape);
    const auto expected = DeviceRunner(program, file, make_reference_device()).prefill(tokens, 12);
    for (const std::size_t chunk : {1U, 5U, 12U}) {
      SCOPED_TRACE(std::string(type.name) + " in chunks of " + std::to_string(chunk));
      DeviceRunner runner(program, file, device);
      EXPECT_LT(distance(runner.prefill(tokens, chunk), expected), GetParam().of_type(type, chunk));
    }
  }
}

TEST_P(AnyDevice, LargeActivationsStayNumbers) {
  const auto file = TinyModel::make("llama").open();
  Program program = build_program(*file);
  for (Step& step : program.steps) {  // the residual stream far beyond what float16 holds
    if (auto* embed = std::get_if<Embed>(&step.operation)) embed->scale = 1e7F;
  }
  const Tokens tokens = some_tokens(40);
  const auto expected = DeviceRunner(program, file, make_reference_device()).prefill(tokens, 40);
  EXPECT_LT(distance(DeviceRunner(program, file, device).prefill(tokens, 40), expected),
            GetParam().float32);
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
  EXPECT_LT(distance(DeviceRunner(plain, file, device).prefill(tokens, 40), sums),
            GetParam().float32);
}

TEST_P(AnyDevice, RefusesWhatItCannotRun) {
  DeviceRunner runner(TinyModel::make("llama").open(), device);
  EXPECT_THROW(runner.run({}), Error);
  EXPECT_THROW(runner.run(DeviceRunner::rows(some_tokens(65), 0)), Error);  // max_rows is 64
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{50}, 0)), Error);       // vocabulary
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 100000)), Error);   // no page
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 0, 1)), Error);     // no sequence
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 0), std::vector<float>{1}), Error);
  EXPECT_EQ(runner.run(DeviceRunner::rows(Tokens{1}, 0)).size(), 50U);  // still there
}

}  // namespace
}  // namespace ceiling::test
