#include "model/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "model/architecture.h"
#include "model/tiny_model.h"

namespace ceiling {
namespace {

template <typename Operation>
Operation& first(Program& program) {
  for (Step& step : program.steps) {
    if (auto* found = std::get_if<Operation>(&step.operation)) return *found;
  }
  throw std::logic_error("the Program has no such operation");
}

// A sound Program, damaged, is refused with a message that says where.
void expect_refused(const std::function<void(Program&)>& damage, const std::string& part) {
  Program program = build_program(*TinyModel::make("qwen3").open());
  EXPECT_NO_THROW(validate(program));
  damage(program);
  try {
    validate(program);
    ADD_FAILURE() << "accepted; expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    EXPECT_THAT(error.what(), testing::HasSubstr(part));
  }
}

TEST(Validate, OrderOfWritingAndReading) {
  expect_refused([](Program& p) { p.steps.erase(p.steps.begin()); }, "read before it is written");
  expect_refused([](Program& p) { p.steps.clear(); }, "read before it is written");
  expect_refused(
      [](Program& p) {
        std::erase_if(p.steps, [](const Step& step) {
          return std::holds_alternative<KvAppend>(step.operation);
        });
      },
      "before it is appended");
}

TEST(Validate, IndicesAreInRange) {
  expect_refused([](Program& p) { first<MatMul>(p).in = 1000; }, "value 1000 of");
  expect_refused([](Program& p) { first<MatMul>(p).weight = 1000; }, "weight 1000 of");
  expect_refused([](Program& p) { first<Attention>(p).kv = 9; }, "KV state 9 of 2");
  expect_refused([](Program& p) { p.logits = 1000; }, "value 1000 of");
}

TEST(Validate, ShapesAgree) {
  expect_refused([](Program& p) { p.weights[first<MatMul>(p).weight].cols = 32; }, "matmul");
  expect_refused([](Program& p) { first<RmsNorm>(p).group = 7; }, "groups of 7");
  expect_refused([](Program& p) { first<Rope>(p).rotated = 15; }, "rotates 15 of 16");
  expect_refused([](Program& p) { first<Attention>(p).heads = 3; }, "attention");
  expect_refused([](Program& p) { p.kv[0].kv_heads = 0; }, "KV state of layer 0 is empty");
  expect_refused([](Program& p) { p.vocabulary = 51; }, "51 tokens");
  expect_refused([](Program& p) { p.weights[0].type = TensorType::Q4_K; }, "do not fill blocks");
  expect_refused([](Program& p) { first<SelectRows>(p).out = first<SelectRows>(p).in; },
                 "batch's rows");
  expect_refused([](Program& p) { first<MatMul>(p).out = first<MatMul>(p).in; }, "matmul");
}

TEST(Program, KindNamesFollowTheOperations) {
  EXPECT_EQ(kind_name(Embed{}), "embed");
  EXPECT_EQ(kind_name(MatMul{}), "matmul");
  EXPECT_EQ(kind_name(Attention{}), "attention");
  EXPECT_EQ(kind_name(GroupedMatMul{}), "grouped_matmul");
}

TEST(Program, OperationsInPlaceReadAndWrite) {
  Rope rope{};
  rope.value = 4;
  rope.frequency_divisors = 2;
  const Access access = ceiling::access(rope);
  EXPECT_THAT(access.reads, testing::ElementsAre(4));
  EXPECT_THAT(access.writes, testing::ElementsAre(4));
  EXPECT_THAT(access.weights, testing::ElementsAre(2));
}

}  // namespace
}  // namespace ceiling
