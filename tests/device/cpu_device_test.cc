// The suite for any device on the CPU, and what is the CPU's own: instruction sets, threads,
// clocks.
#include "device/cpu/cpu_device.h"

#include <gtest/gtest.h>

#include <chrono>

#include "any_device.h"
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
using test::some_tokens;
using test::tiny;
using test::Tokens;

std::shared_ptr<Device> cpu_device(unsigned threads = 2, Isa isa = active_isa()) {
  return cpu::make_cpu_device({.threads = threads, .isa = isa, .pin = false});
}

using test::AnyDevice;
INSTANTIATE_TEST_SUITE_P(Cpu, AnyDevice,
                         testing::Values(test::DeviceUnderTest{
                             .name = "Active",
                             .make = [] { return cpu_device(); },
                             .float32 = 2e-3,
                             .of_type = [](const TypeInfo&, std::size_t) { return 0.03; },
                             .same = 1e-4}),
                         test::name_of);

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

}  // namespace
}  // namespace ceiling
