// The CPU device against the oracle on tiny models of every architecture, and against itself.
#include "device/cpu/cpu_device.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "device/reference/reference_device.h"
#include "device_runner.h"
#include "model/tiny_model.h"
#include "tiny_runs.h"

namespace ceiling {
namespace {

using test::DeviceRunner;
using test::distance;
using test::expert_model;
using test::expert_program;
using test::kModels;
using test::RunnerOptions;
using test::some_tokens;
using test::tiny;
using test::Tokens;

std::shared_ptr<Device> cpu_device(unsigned threads = 2, Isa isa = active_isa()) {
  return cpu::make_cpu_device({.threads = threads, .isa = isa, .pin = false});
}

TEST(CpuDevice, AgreesWithTheOracleInEveryArchitectureAndInstructionSet) {
  const Tokens tokens = some_tokens(150);  // over two page boundaries
  for (const char* name : kModels) {
    const auto file = tiny(name).open();
    const auto expected = DeviceRunner(file, make_reference_device()).prefill(tokens, 50);
    for (const Isa isa : supported_isas()) {
      SCOPED_TRACE(std::string(name) + " " + std::string(ceiling::name(isa)));
      DeviceRunner runner(file, cpu_device(2, isa));
      EXPECT_LT(distance(runner.prefill(tokens, 64), expected), 2e-3);
    }
  }
}

TEST(CpuDevice, AgreesWithTheOracleInEveryType) {
  const Tokens tokens = some_tokens(40);
  for (const TypeInfo& type : all_types()) {
    if (type.block_elements > 32) continue;  // the real models have the others
    SCOPED_TRACE(type.name);
    const auto file = TinyModel::make("qwen3").with_type(type.type).open();
    const auto expected = DeviceRunner(file, make_reference_device()).prefill(tokens, 40);
    DeviceRunner runner(file, cpu_device());
    EXPECT_LT(distance(runner.prefill(tokens, 1), expected), 0.03);  // int8 activations
    EXPECT_LT(distance(runner.prefill(tokens, 40), expected), 0.03);
  }
}

TEST(CpuDevice, AnyNumberOfThreadsGivesTheSameBits) {
  const Tokens tokens = some_tokens(140);
  for (const char* name : {"llama", "gemma3"}) {
    const auto file = TinyModel::make(name).with_type(TensorType::Q8_0).open();
    for (const std::size_t chunk : {1U, 3U, 60U}) {
      std::vector<float> expected;
      for (unsigned threads = 1; threads <= 4; ++threads) {
        SCOPED_TRACE(threads);
        const auto logits = DeviceRunner(file, cpu_device(threads)).prefill(tokens, chunk);
        if (expected.empty()) expected = logits;
        EXPECT_EQ(logits, expected);
      }
    }
  }
}

TEST(CpuDevice, ChunksOfAPromptAgreeWithSingleSteps) {
  const Tokens tokens = some_tokens(200);
  for (const char* name : kModels) {
    SCOPED_TRACE(name);
    const auto file = tiny(name).open();
    const auto single = DeviceRunner(file, cpu_device()).prefill(tokens, 1);
    for (const std::size_t chunk : {2U, 4U, 5U, 63U, 64U}) {
      SCOPED_TRACE(chunk);
      EXPECT_LT(distance(DeviceRunner(file, cpu_device()).prefill(tokens, chunk), single), 1e-4);
    }
  }
}

TEST(CpuDevice, RunsAnySegment) {
  const Tokens tokens = some_tokens(20);
  for (const char* name : {"qwen3", "gemma3"}) {
    const auto file = TinyModel::make(name).open();
    DeviceRunner whole(file, cpu_device());
    const auto expected = whole.prefill(tokens, 10);
    const std::size_t steps = whole.program().steps.size();
    for (std::size_t cut = 1; cut < steps; ++cut) {
      SCOPED_TRACE(std::string(name) + " cut before step " + std::to_string(cut));
      DeviceRunner first(file, cpu_device(), {.end = cut});
      DeviceRunner second(file, cpu_device(), {.begin = cut});
      // A cut between an append and its attention: both sides hold that layer's cache.
      const bool cache_is_cut =
          std::holds_alternative<Attention>(whole.program().steps[cut].operation);
      if (cache_is_cut) continue;
      std::vector<float> logits;
      for (const std::uint32_t begin : {0U, 10U, 11U}) {  // 10 rows, 1 row, 9 rows
        const std::uint32_t end = begin == 0 ? 10U : (begin == 10 ? 11U : 20U);
        const Batch batch =
            DeviceRunner::rows(std::span(tokens).subspan(begin, end - begin), begin);
        const auto out = second.run(batch, first.run(batch));
        logits.insert(logits.end(), out.begin(), out.end());
      }
      ASSERT_LT(distance(logits, expected), 1e-4);
    }
  }
}

TEST(CpuDevice, SequencesOfABatchDoNotTouchEachOther) {
  constexpr std::uint32_t kSequences = 7;
  const auto file = TinyModel::make("gemma3").open();
  const RunnerOptions options{.sequences = kSequences};
  DeviceRunner together(file, cpu_device(), options);
  DeviceRunner alone(file, cpu_device(), options);
  std::vector<std::uint32_t> lengths;
  for (std::uint32_t s = 0; s < kSequences; ++s) {
    lengths.push_back(60 + s);
    const Tokens tokens = some_tokens(60 + s);
    together.prefill(tokens, 64, s);
    alone.prefill(tokens, 64, s);
  }
  for (const std::uint32_t rows : {2U, 4U, kSequences}) {
    Batch batch;
    std::vector<float> expected;
    for (std::uint32_t s = 0; s < rows; ++s) {
      const Tokens token{static_cast<std::int32_t>(s + rows)};
      const Batch one = DeviceRunner::rows(token, lengths[s]++, s);
      batch.rows.push_back(one.rows[0]);
      const auto logits = alone.run(one);
      expected.insert(expected.end(), logits.begin(), logits.end());
    }
    EXPECT_LT(distance(together.run(batch), expected), 1e-4) << rows;
  }
}

TEST(CpuDevice, OnlyWantedLogitsComeOut) {
  const Tokens tokens = some_tokens(12);
  const auto file = TinyModel::make("llama").open();
  DeviceRunner all(file, cpu_device());
  DeviceRunner some(file, cpu_device());
  const auto expected = all.prefill(tokens, 12);
  Batch batch = DeviceRunner::rows(tokens, 0);
  for (std::size_t i = 0; i < tokens.size(); ++i) batch.rows[i].logits = i == 3 || i == 11;
  const auto logits = some.run(batch);
  ASSERT_EQ(logits.size(), 100U);
  const std::span<const float> e(expected);
  EXPECT_LT(distance(std::span(logits).first(50), e.subspan(150, 50)), 1e-4);
  EXPECT_LT(distance(std::span(logits).last(50), e.subspan(550, 50)), 1e-4);
  for (BatchRow& row : batch.rows) row.logits = false;
  for (BatchRow& row : batch.rows) row.position += 12;
  EXPECT_TRUE(some.run(batch).empty());
}

TEST(CpuDevice, QuantisedCacheStaysClose) {
  const Tokens tokens = some_tokens(150);
  for (const char* name : kModels) {
    SCOPED_TRACE(name);
    const auto file = tiny(name).open();
    const auto exact = DeviceRunner(file, cpu_device()).prefill(tokens, 64);
    DeviceRunner runner(file, cpu_device(), {.kv = KvType::q8_0});
    const double error = distance(runner.prefill(tokens, 64), exact);
    EXPECT_LT(error, 0.02);
    EXPECT_GT(error, 0);
    EXPECT_LT(
        distance(DeviceRunner(file, cpu_device(), {.kv = KvType::q8_0}).prefill(tokens, 1), exact),
        0.02);
  }
}

TEST(CpuDevice, PagesMoveBetweenDevices) {
  const Tokens tokens = some_tokens(100);
  const auto file = TinyModel::make("qwen3").open();
  for (const KvType type : {KvType::f16, KvType::q8_0}) {
    DeviceRunner from(file, cpu_device(), {.kv = type});
    DeviceRunner to(file, cpu_device(), {.kv = type});
    from.prefill(tokens, 64);
    std::vector<std::byte> canonical(from.kv().canonical_page_bytes());
    for (const std::uint32_t page : {0U, 1U}) {
      from.kv().export_page(from.tables()[0][page], canonical);
      to.kv().import_page(to.tables()[0][page], canonical);
    }
    from.kv().copy_page(from.tables()[0][1], from.tables()[0][5]);  // a fork
    const Batch next = DeviceRunner::rows(Tokens{9}, 100);
    const auto expected = from.run(next);
    EXPECT_LT(distance(to.run(next), expected), type == KvType::f16 ? 1e-6 : 1e-2);
    std::swap(from.tables()[0][1], from.tables()[0][5]);
    EXPECT_EQ(from.run(next), expected);
  }
}

TEST(CpuDevice, CountsTheTrafficOfTheProgram) {
  for (const char* name : {"llama", "gemma3"}) {
    TinyModel model = TinyModel::make(name);
    if (model.architecture == "gemma3") model.tensors.erase("output.weight");  // tied
    DeviceRunner runner(model.open(), cpu_device());
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
  }
}

TEST(CpuDevice, ProfileCoversEachStepOnceAndAllOfTheTime) {
  const auto file = TinyModel::make("gemma3").open();
  DeviceRunner runner(file, cpu_device());
  const Tokens tokens = some_tokens(60);
  runner.executable().set_profiling(true);
  runner.executable().reset_profile();
  std::chrono::duration<double> wall(0);
  for (std::uint32_t i = 0; i < 60; ++i) {
    const Batch batch = DeviceRunner::rows(std::span(tokens).subspan(i, 1), i);
    const auto begin = std::chrono::steady_clock::now();
    runner.run(batch);
    wall += std::chrono::steady_clock::now() - begin;
  }
  double time = 0;
  std::vector<int> times(runner.program().steps.size(), 0);
  Cost total;
  for (const ProfileEntry& entry : runner.executable().profile()) {
    time += entry.time.value;
    total.weight_bytes += entry.bytes;
    for (const std::size_t step : entry.steps) ++times[step];
  }
  EXPECT_EQ(times, std::vector<int>(times.size(), 1));
  EXPECT_GT(time, 0.5 * wall.count());  // what run() does around it is not a step's time
  EXPECT_LT(time, 1.02 * wall.count());
  const Traffic traffic = runner.executable().traffic();
  EXPECT_EQ(total.weight_bytes, traffic.weight_bytes + traffic.kv_bytes);
}

TEST(CpuDevice, RunsExperts) {
  const auto file = expert_model().open();
  const Tokens tokens = some_tokens(40);
  const Program program = expert_program();
  validate(program);
  const auto expected = DeviceRunner(program, file, make_reference_device()).prefill(tokens, 40);
  for (const std::size_t chunk : {1U, 3U, 40U}) {
    std::vector<float> first;
    for (const unsigned threads : {1U, 2U, 3U}) {
      DeviceRunner runner(program, file, cpu_device(threads));
      const auto logits = runner.prefill(tokens, chunk);
      EXPECT_LT(distance(logits, expected), 0.02) << chunk;
      if (first.empty()) first = logits;
      EXPECT_EQ(logits, first);
    }
  }
}

TEST(CpuDevice, RefusesWhatItCannotRun) {
  DeviceRunner runner(TinyModel::make("llama").open(), cpu_device());
  EXPECT_THROW(runner.run({}), Error);
  EXPECT_THROW(runner.run(DeviceRunner::rows(some_tokens(65), 0)), Error);  // max_rows is 64
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{50}, 0)), Error);       // vocabulary
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 100000)), Error);   // no page
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 0, 1)), Error);     // no sequence
  EXPECT_THROW(runner.run(DeviceRunner::rows(Tokens{1}, 0), std::vector<float>{1}),
               Error);  // no boundary
}

}  // namespace
}  // namespace ceiling
