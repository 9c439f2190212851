#include "fit/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/error.h"
#include "fit/comparison.h"
#include "fit/table.h"
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

// tokens/s by layers on the device, of the decode rows of one model and backend in data/spill.csv.
std::map<double, double> published_spill(std::string_view model, std::string_view backend) {
  std::ifstream file(CEILING_TEST_DATA "/../../data/spill.csv");
  std::stringstream text;
  text << file.rdbuf();
  const Table table = Table::parse(text.str(), "data/spill.csv");
  std::map<double, double> out;
  for (const TableRow& row : table.rows()) {
    const auto layers = parse_number(table.cell(row, "ngl"));
    if (table.cell(row, "model") != model || table.cell(row, "backend") != backend ||
        table.cell(row, "test") != "tg128" || !layers) {
      continue;
    }
    out[*layers] = table.positive(row, "tokens_per_s").value();
  }
  return out;
}

// Layer times add: a run between two others is predicted from them, on machines of other people.
TEST(Spill, LayerTimesAddAsPublishedRunsDo) {
  for (const char* backend : {"CUDA", "CUDA+BLAS"}) {  // RTX 4090, Q5_K_M, 64 layers
    const auto runs = published_spill("Qwen2.5-32B", backend);
    ASSERT_EQ(runs.size(), 3U) << backend;
    const double predicted = 1 / spilled_token_s(1 / runs.at(64), 1 / runs.at(0), 0.5);
    EXPECT_NEAR(predicted / runs.at(32), 1, 0.01) << backend;
  }
  const auto sweep = published_spill("LLaMA 7B v2", "CUDA");  // one card, layer by layer
  const double middle = 1 / spilled_token_s(1 / sweep.at(30), 1 / sweep.at(10), 0.5);
  EXPECT_NEAR(middle / sweep.at(20), 1, 0.07);
  const double near_the_end = 1 / spilled_token_s(1 / sweep.at(32), 1 / sweep.at(30), 0.5);
  EXPECT_NEAR(near_the_end / sweep.at(31), 1, 0.06);
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
