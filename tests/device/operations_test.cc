// Operations that no architecture uses yet, and the reference device's own parts, by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "device/reference/reference_device.h"
#include "device_runner.h"
#include "model/tiny_model.h"

namespace ceiling {
namespace {

using test::DeviceRunner;
using test::RunnerOptions;
using testing::ElementsAre;
using testing::FloatNear;

// A file whose float32 tensors hold what a test says.
std::shared_ptr<const gguf::File> file_of(
    const std::map<std::string, std::pair<std::vector<std::uint64_t>, std::vector<float>>>&
        tensors) {
  const std::string path = testing::TempDir() + "operations.gguf";
  gguf::Writer writer(path);
  for (const auto& [name, tensor] : tensors) {
    writer.declare(name, TensorType::F32, tensor.first);
  }
  writer.begin();
  std::size_t index = 0;
  for (const auto& [name, tensor] : tensors) {
    writer.write(index++, 0, std::as_bytes(std::span(tensor.second)));
  }
  writer.finish();
  return gguf::File::open(path);
}

// One row in, the Program's logits out.
std::vector<float> run(const Program& program, const std::shared_ptr<const gguf::File>& file,
                       std::int32_t token) {
  validate(program);
  const auto device = make_reference_device();
  const std::size_t end = program.steps.size();
  const auto kv = device->make_kv_store(program, 0, end, KvType::f16, 1);
  const auto executable = device->compile(program, Weights::bind(program, file), 0, end, *kv, {});
  Batch batch = shape_batch(0, 1);
  batch.rows[0].token = token;
  const auto out = executable->run(batch, {{0}});
  return {out.begin(), out.end()};
}

// Router rows score experts 0..3 as 0, 2, 1, 2 + ln 3 for the input (1, 2): experts 3 and 1 are
// chosen, with shares 3/4 and 1/4. Expert e adds e to each weight of the identity.
TEST(Operations, ExpertsAreChosenAndMixed) {
  const float high = 2.0F + std::log(3.0F);
  std::vector<float> experts;
  for (int e = 0; e < 4; ++e) {
    const auto add = static_cast<float>(e);
    for (const float w : {1 + add, add, add, 1 + add}) experts.push_back(w);
  }
  const auto file = file_of({{"table", {{2, 2}, {0, 0, 1, 2}}},
                             {"router", {{2, 4}, {0, 0, 2, 0, 1, 0, high, 0}}},
                             {"experts", {{2, 2, 4}, experts}}});
  Program program;
  program.vocabulary = 2;
  program.weights = {{.name = "table", .rows = 2, .cols = 2},
                     {.name = "router", .rows = 4, .cols = 2},
                     {.name = "experts", .rows = 2, .cols = 2, .groups = 4}};
  program.values = {{"x", 2},     {"scores", 4}, {"routing", 4},
                    {"apart", 4}, {"mixed", 2},  {"out", 2, RowSet::logits}};
  program.logits = 5;
  program.steps = {
      {Embed{.table = 0, .out = 0, .scale = 1}},
      {MatMul{.in = 0, .weight = 1, .bias = std::nullopt, .out = 1}},
      {Route{.logits = 1, .out = 2, .experts = 4, .used = 2}},
      {GroupedMatMul{
          .in = 0, .routing = 2, .weight = 2, .out = 3, .in_apart = false, .combine = false}},
      {GroupedMatMul{
          .in = 3, .routing = 2, .weight = 2, .out = 4, .in_apart = true, .combine = true}},
      {SelectRows{.in = 4, .out = 5}}};
  // Expert e of (a, b): (a + e s, b + e s) with s = a + b.
  // Expert 3 of (1, 2): (10, 11), again: (73, 74). Expert 1: (4, 5), again: (13, 14).
  EXPECT_THAT(run(program, file, 1), ElementsAre(FloatNear(0.75F * 73 + 0.25F * 13, 1e-4F),
                                                 FloatNear(0.75F * 74 + 0.25F * 14, 1e-4F)));
}

TEST(Operations, SoftCapBendsTowardsItsCap) {
  const auto file = file_of({{"table", {{2, 2}, {0, 0, 5, -500}}}});
  Program program;
  program.vocabulary = 2;
  program.weights = {{.name = "table", .rows = 2, .cols = 2}};
  program.values = {{"x", 2}, {"out", 2, RowSet::logits}};
  program.logits = 1;
  program.steps = {{Embed{.table = 0, .out = 0, .scale = 2}},
                   {SelectRows{.in = 0, .out = 1}},
                   {SoftCap{.value = 1, .cap = 10}}};
  EXPECT_THAT(run(program, file, 1),
              ElementsAre(FloatNear(10 * std::tanh(1.0F), 1e-5F), FloatNear(-10, 1e-5F)));
}

// Segments of one Program, each on its own device, give what the whole gives.
TEST(ReferenceDevice, SegmentsHandOnWhatCrosses) {
  const auto file = TinyModel::make("gemma3", 3).open();
  const Program program = build_program(*file);
  const std::vector<std::int32_t> tokens = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3};
  const Batch batch = DeviceRunner::rows(tokens, 0);
  const auto whole = DeviceRunner(file, make_reference_device()).run(batch);
  for (std::size_t cut = 1; cut < program.steps.size(); ++cut) {
    DeviceRunner first(file, make_reference_device(), {.begin = 0, .end = cut});
    DeviceRunner second(file, make_reference_device(), {.begin = cut, .end = program.steps.size()});
    const bool between_append_and_attention =
        std::holds_alternative<Attention>(program.steps[cut].operation);
    if (between_append_and_attention) continue;  // they share a cache, so a device holds both
    ASSERT_EQ(second.run(batch, first.run(batch)), whole) << "cut before step " << cut;
  }
}

TEST(ReferenceDevice, PagesCopyAndTravelInTheCanonicalLayout) {
  const auto file = TinyModel::make("llama").open();
  const std::vector<std::int32_t> tokens = {3, 1, 4, 1, 5};
  DeviceRunner source(file, make_reference_device());
  source.prefill(tokens, 5);
  const Batch next = DeviceRunner::rows(std::vector<std::int32_t>{9}, 5);
  const auto expected = source.run(next);

  const std::uint32_t page = source.tables()[0][0];
  const std::uint32_t other = source.tables()[0][1];
  source.kv().copy_page(page, other);
  source.tables()[0][0] = other;
  EXPECT_EQ(source.run(next), expected);

  // Key of layer 0, position 0, head 0 comes first, then head 1, then position 1.
  std::vector<std::byte> canonical(source.kv().canonical_page_bytes());
  EXPECT_EQ(canonical.size(),
            kv_bytes_per_position(source.program()) * source.kv().page_positions());
  source.kv().export_page(page, canonical);
  DeviceRunner target(file, make_reference_device());
  target.kv().import_page(target.tables()[0][0], canonical);
  const auto actual = target.run(next);
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {  // keys and values went through halves
    EXPECT_NEAR(actual[i], expected[i], 0.02F * std::abs(expected[i]) + 0.02F);
  }
  EXPECT_THROW(target.kv().import_page(0, std::span(canonical).first(8)), Error);
}

TEST(ReferenceDevice, RefusesMoreThanItWasCompiledFor) {
  const auto file = TinyModel::make("llama").open();
  DeviceRunner runner(file, make_reference_device(), {.max_rows = 2});
  const std::vector<std::int32_t> tokens = {1, 2, 3};
  EXPECT_THROW(runner.run(DeviceRunner::rows(tokens, 0)), Error);
  EXPECT_THROW(runner.run(DeviceRunner::rows(std::vector<std::int32_t>{50}, 0)), Error);
  EXPECT_THROW(runner.run(DeviceRunner::rows(std::vector<std::int32_t>{-1}, 0)), Error);
}

TEST(ReferenceDevice, ProfileCoversEveryStepOnce) {
  const auto file = TinyModel::make("qwen2").open();
  DeviceRunner runner(file, make_reference_device());
  runner.executable().set_profiling(true);
  runner.run(DeviceRunner::rows(std::vector<std::int32_t>{1, 2}, 0));
  std::vector<int> covered(runner.program().steps.size());
  std::uint64_t bytes = 0;
  for (const ProfileEntry& entry : runner.executable().profile()) {
    for (const std::size_t step : entry.steps) ++covered[step];
    bytes += entry.bytes;
  }
  EXPECT_THAT(covered, testing::Each(1));
  Batch batch = DeviceRunner::rows(std::vector<std::int32_t>{1, 2}, 0);
  EXPECT_EQ(bytes, cost(runner.program(), batch).read_bytes());
  EXPECT_EQ(runner.executable().traffic().weight_bytes, cost(runner.program(), batch).weight_bytes);
}

}  // namespace
}  // namespace ceiling
