#include "model/cost.h"

#include <gtest/gtest.h>

#include "model/architecture.h"
#include "model/tiny_model.h"

namespace ceiling {
namespace {

// Matrices of one layer of the tiny llama, in weights: q, k, v, output, gate, up, down.
constexpr std::uint64_t kLayerMatrix = 64 * 64 + 64 * 32 + 64 * 32 + 64 * 64 + 3 * 64 * 96;
constexpr std::uint64_t kLayerNorms = 2 * 64;
constexpr std::uint64_t kFloat = 4;

Program tiny(bool tied = false, std::uint32_t layers = 2) {
  TinyModel model = TinyModel::make("llama", layers);
  if (tied) model.tensors.erase("output.weight");
  return build_program(*model.open());
}

TEST(Cost, DecodeReadsEachWeightOnceAndOneEmbeddingRow) {
  const std::uint64_t expected = kFloat * (2 * (kLayerMatrix + kLayerNorms) + 64 /* last norm */ +
                                           50 * 64 /* output */ + 64 /* one row */);
  EXPECT_EQ(cost(tiny(), shape_batch(10, 1)).weight_bytes, expected);
}

TEST(Cost, TiedTableCountsOnceAsTheOutputHead) {
  const std::uint64_t expected = kFloat * (2 * (kLayerMatrix + kLayerNorms) + 64 + 50 * 64);
  EXPECT_EQ(cost(tiny(true), shape_batch(10, 1)).weight_bytes, expected);
}

TEST(Cost, RowsWithoutLogitsSkipTheTail) {
  Batch batch = shape_batch(0, 3);
  batch.rows.back().logits = false;
  // No row goes through the last layer's output matrix, feed-forward and norm, nor the head.
  const std::uint64_t tail = 64 * 64 + 3 * 64 * 96 + 64;
  const std::uint64_t expected = kFloat * (2 * (kLayerMatrix + kLayerNorms) - tail + 3 * 64);
  EXPECT_EQ(cost(tiny(), batch).weight_bytes, expected);
  EXPECT_EQ(cost(tiny(true), batch).weight_bytes, expected);
}

TEST(Cost, KvOfEachSequenceIsReadOnce) {
  // Key and value of 2 heads of 16 halves, two layers.
  const std::uint64_t position = 2 * 2 * 2 * 16 * 2;
  EXPECT_EQ(kv_bytes_per_position(tiny()), position);
  const Cost decode = cost(tiny(), shape_batch(10, 1));
  EXPECT_EQ(decode.kv_read_bytes, 11 * position);
  EXPECT_EQ(decode.kv_write_bytes, position);
  const Cost prefill = cost(tiny(), shape_batch(4, 6));
  EXPECT_EQ(prefill.kv_read_bytes, 10 * position);
  EXPECT_EQ(prefill.kv_write_bytes, 6 * position);
  Batch two = shape_batch(10, 1, 0);
  two.rows.push_back({.token = 1, .position = 20, .sequence = 1, .logits = true});
  EXPECT_EQ(cost(tiny(), two).kv_read_bytes, (11 + 21) * position);
  // 16 wide: one block of 32 eight-bit weights and its scale each.
  EXPECT_EQ(kv_bytes_per_position(tiny(), KvType::q8_0), 2U * 2 * 2 * 34);
}

TEST(Cost, WindowsLimitWhatIsRead) {
  TinyModel model = TinyModel::make("gemma3", 6);  // window 8 in five of six layers
  const Program program = build_program(*model.open());
  const std::uint64_t layer_position = 2 * 2 * 16 * 2;
  EXPECT_EQ(cost(program, shape_batch(99, 1)).kv_read_bytes, layer_position * (100 + 5 * 8));
  // Rows 20..23: the first sees 13..20, the last 16..23.
  EXPECT_EQ(cost(program, shape_batch(20, 4)).kv_read_bytes, layer_position * (24 + 5 * 11));
}

TEST(Cost, OperationsOfProductsAndAttention) {
  const Program program = tiny(false, 1);
  const auto steps = cost_by_step(program, shape_batch(2, 2));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Operation& operation = program.steps[i].operation;
    if (const auto* product = std::get_if<MatMul>(&operation)) {
      const Weight& w = program.weights[product->weight];
      const double rows = program.values[product->out].rows == RowSet::batch ? 2 : 1;
      EXPECT_EQ(steps[i].operations, 2.0 * rows * static_cast<double>(w.rows * w.cols)) << w.name;
      EXPECT_EQ(steps[i].activation_bytes,
                kFloat * static_cast<std::uint64_t>(rows) * (w.rows + w.cols));
    }
    // Rows at positions 2 and 3 see 3 and 4 positions; each pair: two products of 16 elements,
    // scale, exponential, sum, share; 4 heads.
    if (std::holds_alternative<Attention>(operation)) {
      EXPECT_EQ(steps[i].operations, 4.0 * (3 + 4) * (2 * 32 + 4));
    }
  }
}

TEST(Cost, StepsAddUpToTheWhole) {
  const Program program = tiny();
  const Batch batch = shape_batch(7, 5);
  Cost sum;
  for (const Cost& step : cost_by_step(program, batch)) sum += step;
  const Cost whole = cost(program, batch);
  EXPECT_EQ(sum.weight_bytes, whole.weight_bytes);
  EXPECT_EQ(sum.kv_read_bytes, whole.kv_read_bytes);
  EXPECT_EQ(sum.activation_bytes, whole.activation_bytes);
  EXPECT_EQ(sum.operations, whole.operations);
}

TEST(Cost, MeanDecodeIsTheMeanOfItsSteps) {
  const Program program = build_program(*TinyModel::make("gemma3", 6).open());
  for (const std::uint32_t depth : {0U, 3U, 20U}) {  // below, across and beyond the window of 8
    double bytes = 0;
    double operations = 0;
    for (std::uint32_t i = 0; i < 16; ++i) {
      const Cost step = cost(program, shape_batch(depth + i, 1));
      bytes += static_cast<double>(step.read_bytes()) / 16;
      operations += step.operations / 16;
    }
    const Cost mean = mean_decode_cost(program, depth, 16);
    EXPECT_NEAR(static_cast<double>(mean.read_bytes()), bytes, 1.0) << depth;
    EXPECT_NEAR(mean.operations, operations, 1e-6 * operations) << depth;
  }
}

// Two of four experts for each row: expected distinct experts 4 (1 - (1/2)^rows).
TEST(Cost, ExpertsCountByExpectedDistinctOnes) {
  Program program;
  program.values = {{"x", 64}, {"scores", 4}, {"routing", 4}, {"y", 96}};
  program.weights = {{.name = "experts", .rows = 96, .cols = 64, .groups = 4}};
  program.steps = {
      {Route{.logits = 1, .out = 2, .experts = 4, .used = 2}},
      {GroupedMatMul{
          .in = 0, .routing = 2, .weight = 0, .out = 3, .in_apart = false, .combine = true}}};
  const std::uint64_t expert = kFloat * 96 * 64;
  EXPECT_EQ(cost(program, shape_batch(0, 1)).weight_bytes, 2 * expert);
  EXPECT_EQ(cost(program, shape_batch(0, 2)).weight_bytes, 3 * expert);
  EXPECT_EQ(cost(program, shape_batch(0, 3)).weight_bytes, 3 * expert + expert / 2);
}

}  // namespace
}  // namespace ceiling
