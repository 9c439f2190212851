#include "fit/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "fit/comparison.h"
#include "model/shapes.h"

namespace ceiling::fit {
namespace {

using testing::HasSubstr;

Question about(const std::string& hardware, const std::string& shape, const std::string& type) {
  Question question;
  question.hardware = find_hardware(hardware);
  question.engine = usual_engine(question.hardware);
  question.memory_bytes = static_cast<std::uint64_t>(question.hardware.memory_bytes.back());
  question.model = shape;
  question.type = type;
  question.type_class = read_file_type(type)->type;
  return question;
}

Answer ask(const Question& question) {
  return answer(question, shape_program(find_shape(question.model), question.type),
                SpeedModel::fitted());
}

std::string refusal(const Question& question) {
  try {
    ask(question);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "no error";
}

// "7B and 13B fit comfortably, 32B with quantisation, 70B spills": on a card of 24 GB.
TEST(Planner, SaysWhatFitsACardOf24GB) {
  EXPECT_EQ(ask(about("RTX 4090", "7B", "Q4_K_M")).verdict, Verdict::comfortable);
  EXPECT_EQ(ask(about("RTX 4090", "13B", "Q4_K_M")).verdict, Verdict::comfortable);
  EXPECT_NE(ask(about("RTX 4090", "32B", "Q4_K_M")).verdict, Verdict::spills);
  EXPECT_EQ(ask(about("RTX 4090", "70B", "Q4_K_M")).verdict, Verdict::spills);
  EXPECT_EQ(ask(about("RTX 4090", "70B", "F16")).verdict, Verdict::does_not_fit);
}

TEST(Planner, NeedIsWeightsAndCacheAndWorkspace) {
  const Question question = about("RTX 4090", "8B", "Q4_K_M");
  const Answer a = ask(question);
  const Program program = shape_program(find_shape("8B"), "Q4_K_M");
  EXPECT_EQ(a.need.weight_bytes, program.weight_bytes());
  EXPECT_EQ(a.need.kv_bytes, 4096 * kv_bytes_per_position(program));
  EXPECT_GT(a.need.workspace_bytes, 0U);
  const auto& p = a.placement;
  EXPECT_EQ(p.shared_bytes + p.copied_bytes + p.spilled_bytes, program.weight_bytes());
}

// Apple's default: about three quarters of memory for the GPU.
TEST(Planner, UnifiedMemoryKeepsAQuarter) {
  Question question = about("Apple M4 Pro 20c", "8B", "Q4_K_M");
  question.memory_bytes = std::uint64_t{48} << 30U;
  const Answer a = ask(question);
  EXPECT_EQ(a.budget.usable(), std::uint64_t{36} << 30U);
  EXPECT_EQ(a.placement.copied_bytes, 0U);  // the mapping itself is read
}

TEST(Planner, SpillCostsWhatTheHostReads) {
  Question question = about("RTX 4090", "70B", "Q4_K_M");
  const Answer slow = ask(question);
  EXPECT_GT(slow.spilled_share, 0.3);
  EXPECT_LT(slow.tokens_per_s.median, 10);
  EXPECT_THAT(slow.reason, HasSubstr("spilled"));
  question.host.bandwidth = {400e9};
  EXPECT_GT(ask(question).tokens_per_s.median, slow.tokens_per_s.median * 1.5);
}

TEST(Planner, DeeperContextsAreSlower) {
  Question question = about("RTX 4090", "8B", "Q4_K_M");
  question.context = 32768;
  const Answer a = ask(question);
  EXPECT_LT(a.tokens_per_s_full_context.median, a.tokens_per_s.median);
  question.kv = KvType::q8_0;
  EXPECT_LT(ask(question).need.kv_bytes, a.need.kv_bytes);
}

TEST(Planner, RefusesWhatCannotBe) {
  Question question = about("RTX 4090", "7B", "Q4_K_M");
  question.context = 8192;  // Llama 2 was trained for 4096
  EXPECT_THAT(refusal(question), HasSubstr("trained for 4096"));
  question.context = 4096;
  question.prompt = 5000;
  EXPECT_THAT(refusal(question), HasSubstr("prompt of 5000"));
  question.prompt = 512;
  question.memory_bytes = 0;
  EXPECT_THAT(refusal(question), HasSubstr("memory"));
}

TEST(Reading, HasTwoThresholds) {
  EXPECT_EQ(reading_at(30), Reading::comfortable);
  EXPECT_EQ(reading_at(29.9), Reading::slow);
  EXPECT_EQ(reading_at(10), Reading::slow);
  EXPECT_EQ(reading_at(9.9), Reading::too_slow);
}

// Source: data/spill.csv. Layer times add: the ends predict the middle.
TEST(Spill, LayerTimesAddAsPublishedRunsDo) {
  // RTX 4090, Qwen2.5-32B Q5_K_M: 0, 32 and 64 of 64 layers on the card.
  EXPECT_NEAR(1 / spilled_token_s(1 / 25.23, 1 / 2.18, 0.5) / 4.00, 1, 0.01);
  EXPECT_NEAR(1 / spilled_token_s(1 / 25.60, 1 / 2.43, 0.5) / 4.45, 1, 0.01);
  // A sweep of LLaMA 7B Q4_0: 20 of 32 layers lie midway between 10 and 30.
  EXPECT_NEAR(1 / spilled_token_s(1 / 40.04, 1 / 13.45, 0.5) / 21.36, 1, 0.07);
}

TEST(WhatIf, ChangesOneFigure) {
  const Question question = about("RTX 4090", "8B", "Q4_K_M");
  EXPECT_DOUBLE_EQ(changed(question, "bandwidth=1.5x").hardware.bandwidth.gb_per_s(), 1512);
  EXPECT_DOUBLE_EQ(changed(question, "bandwidth=500").hardware.bandwidth.gb_per_s(), 500);
  EXPECT_EQ(changed(question, "memory=48GiB").memory_bytes, std::uint64_t{48} << 30U);
  EXPECT_DOUBLE_EQ(changed(question, "fixed=0.5x").fixed_scale, 0.5);
  for (const char* wrong : {"bandwidth=0x", "bandwidth=-1", "bandwidth", "colour=2x", "fixed=a"}) {
    EXPECT_THROW(changed(question, wrong), Error) << wrong;
  }
  EXPECT_GT(ask(changed(question, "fixed=0.5x")).tokens_per_s.median,
            ask(question).tokens_per_s.median);
}

TEST(Comparison, FindsWhereAMachineSpills) {
  const Question machine = about("RTX 4090", "8B", "Q4_K_M");
  const Curve curve = speed_curve(machine, {"Q4_K_M", "F16"}, SpeedModel::fitted());
  ASSERT_EQ(curve.points.size(), 14U);
  ASSERT_EQ(curve.spills.size(), 2U);
  EXPECT_GT(curve.spills[0].billions, 32);  // 4 bits: between 32B and 70B
  EXPECT_LT(curve.spills[0].billions, 70);
  EXPECT_GT(curve.spills[1].billions, 8);  // 16 bits: between 8B and 13B
  EXPECT_LT(curve.spills[1].billions, 13);
}

TEST(Comparison, MachinesReachingASpeedHoldTheModel) {
  Question wanted;
  wanted.model = "70B";
  wanted.type = "Q4_K_M";
  const Program program = shape_program(find_shape("70B"), "Q4_K_M");
  const auto found = machines_reaching(15, wanted, program, SpeedModel::fitted());
  ASSERT_FALSE(found.empty());
  for (const Candidate& candidate : found) {
    EXPECT_GE(candidate.answer.tokens_per_s.median, 15);
    EXPECT_GE(candidate.answer.budget.usable(), candidate.answer.need.total());
  }
  EXPECT_LE(found.front().answer.tokens_per_s.median, found.back().answer.tokens_per_s.median);
}

TEST(Recommendation, FollowsWhatFits) {
  Question question = about("RTX 4060", "8B", "Q4_K_M");  // 8 GB
  const auto small = recommend(question, find_shape("8B"), SpeedModel::fitted());
  ASSERT_EQ(small.size(), 3U);
  EXPECT_EQ(small[0].type, "Q4_K_M");
  EXPECT_EQ(small[1].type, "");  // neither F16 nor Q8_0 fits
  EXPECT_THAT(small[2].quality, HasSubstr("rms"));
  question = about("RTX 4090", "8B", "Q4_K_M");
  EXPECT_EQ(recommend(question, find_shape("8B"), SpeedModel::fitted())[1].type, "F16");
}

}  // namespace
}  // namespace ceiling::fit
