#include "lab/planning/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"

namespace ceiling::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kInHand = 1.15;  // as planner.cc

PlanMachine machine(double read_gb_per_s = 30) {
  PlanMachine m;
  m.cpu = "Test CPU";
  m.system = "Test OS";
  m.threads = 2;
  m.memory_bytes = std::uint64_t{24} << 30;
  m.read_gb_per_s = read_gb_per_s;
  m.read_gb_per_s_range = {read_gb_per_s * 0.9, read_gb_per_s * 1.1};
  m.fma_gflop_per_s = 230;
  m.int8_gop_per_s = 900;
  return m;
}

Resources resources(double memory_gib, double disk_gib = 200) {
  const auto bytes = [](double gib) { return static_cast<std::uint64_t>(gib * (1ULL << 30)); };
  return {bytes(memory_gib), bytes(memory_gib * 0.9), bytes(disk_gib), false, {}, {}};
}

std::vector<std::string> ids(const Plan& plan) {
  std::vector<std::string> result;
  for (const Cell& cell : plan.cells) result.push_back(cell.id);
  return result;
}

// Without the cells that test hypotheses.
std::vector<std::string> sizes(const Plan& plan) {
  std::vector<std::string> result;
  for (const Cell& cell : plan.cells) {
    if (!plan.design.has(cell.id)) result.push_back(cell.id);
  }
  return result;
}

TEST(QuickPlan, MeasuresThe7BWhereMemoryAllows) {
  const Plan plan = make_plan(Kind::quick, machine(), resources(8), 1);
  EXPECT_THAT(ids(plan), ElementsAre("1B-Q4_K_M", "1B-Q4_K_M-cold", "1B-Q8_0", "7B-Q4_K_M"));
  EXPECT_EQ(plan.blocks, 5U);
  EXPECT_LT(plan.estimate_s, 8 * 60);
  EXPECT_GT(plan.estimate_s, 30);
}

TEST(QuickPlan, TakesASmallerThirdSizeAndSaysWhy) {
  const Plan plan = make_plan(Kind::quick, machine(), resources(5), 1);
  EXPECT_THAT(ids(plan), ElementsAre("1B-Q4_K_M", "1B-Q4_K_M-cold", "1B-Q8_0", "3B-Q4_K_M"));
  ASSERT_GE(plan.left_out.size(), 2U);  // the real model's file is not there either
  EXPECT_THAT(plan.left_out[1].what, HasSubstr("7B"));
  EXPECT_THAT(plan.left_out[1].why, HasSubstr("needs 8 GB"));
}

// The estimate is a median: a part of the time is kept in hand.
TEST(QuickPlan, StaysWithinItsTimeOnSlowMachinesAndSaysWhatThatCost) {
  for (const double gb_per_s : {40.0, 20.0, 10.0, 6.0, 3.0}) {
    const Plan plan = make_plan(Kind::quick, machine(gb_per_s), resources(8), 1);
    EXPECT_LT(plan.estimate_s, 8 * 60 / kInHand) << gb_per_s;
    EXPECT_EQ(plan.blocks, 5U);
  }
  const Plan slow = make_plan(Kind::quick, machine(3), resources(8), 1);
  EXPECT_THAT(ids(slow), testing::Not(testing::Contains("7B-Q4_K_M")));
  EXPECT_THAT(slow.left_out.back().why, HasSubstr("more than 8 min"));
}

TEST(StandardPlan, TestsTheHypotheses) {
  const Plan plan = make_plan(Kind::standard, machine(), resources(24), 1);
  EXPECT_GE(plan.design.types.size(), 5U);
  EXPECT_EQ(plan.design.same.size(), 2U);
  for (const std::string& id : plan.design.cells()) EXPECT_NE(plan.find(id), nullptr) << id;
  for (const Hypothesis& h : plan.hypotheses) {
    EXPECT_EQ(h.untested, "") << h.id;
    EXPECT_FALSE(h.threshold.empty());
  }
  EXPECT_EQ(plan_from_json(to_json(plan), "plan").design.types, plan.design.types);
}

const Cell* fill_cell(const Plan& plan) {
  return plan.design.fills.empty() ? nullptr : plan.find(plan.design.fills.front());
}

// A group presses nothing else; locking memory presses everything, so its owner must have said so.
TEST(StandardPlan, FillsMemoryByBallastOnlyWhereNoGroupCanBeMadeAndItsOwnerAgrees) {
  Resources here = resources(24);
  const Plan by_group = make_plan(Kind::standard, machine(), here, 1);
  EXPECT_EQ(fill_cell(by_group)->fill_by, FillBy::group);
  EXPECT_EQ(by_group.design.fills.size(), 13U);

  here.group_obstacle = "no permission";
  const Plan by_ballast = make_plan(Kind::standard, machine(), here, 1);
  ASSERT_EQ(by_ballast.design.fills.size(), 11U);  // up to the whole memory, and no further
  for (const std::string& id : by_ballast.design.fills) {
    EXPECT_EQ(by_ballast.find(id)->fill_by, FillBy::ballast);
    EXPECT_LE(by_ballast.find(id)->fill, 1);
  }
  EXPECT_EQ(plan_from_json(to_json(by_ballast), "plan").cells.back().fill_by, FillBy::ballast);

  here.ballast_obstacle = "its owner was not asked";
  const Plan untested = make_plan(Kind::standard, machine(), here, 1);
  EXPECT_EQ(fill_cell(untested), nullptr);
  EXPECT_EQ(untested.hypotheses.back().untested, "no permission; its owner was not asked");
}

TEST(StandardPlan, StaysWithinAnHour) {
  for (const double gb_per_s : {100.0, 30.0, 15.0, 8.0}) {
    const Plan plan = make_plan(Kind::standard, machine(gb_per_s), resources(24), 1);
    EXPECT_LT(plan.estimate_s, 60 * 60 / kInHand) << gb_per_s;
    EXPECT_GE(plan.blocks, 5U);
  }
}

TEST(Plan, ACellFromColdStakesNoSpeed) {
  const Plan plan = make_plan(Kind::quick, machine(), resources(8), 1);
  const Cell* cold = plan.find("1B-Q4_K_M-cold");
  ASSERT_NE(cold, nullptr);
  EXPECT_EQ(cold->work, Work::cold_load);
  for (const CellPrediction& p : plan.predictions) EXPECT_NE(p.cell, cold->id);
}

TEST(QuickPlan, ASmallDiskIsRespected) {
  const Plan plan = make_plan(Kind::quick, machine(), resources(16, 3.2), 1);
  EXPECT_THAT(ids(plan), testing::Not(testing::Contains("7B-Q4_K_M")));
  bool told = false;
  for (const LeftOut& item : plan.left_out) {
    told |= item.why.find("of disk") != std::string::npos;
  }
  EXPECT_TRUE(told);
}

TEST(StandardPlan, TakesTheLargestThreeThatFit) {
  const Plan large = make_plan(Kind::standard, machine(), resources(24), 1);
  EXPECT_THAT(sizes(large), ElementsAre("32B-Q4_K_M", "13B-Q4_K_M", "7B-Q4_K_M", "7B-Q4_K_M-cold"));
  EXPECT_LE(large.estimate_s, 60 * 60);
  const Plan small = make_plan(Kind::standard, machine(), resources(12), 1);
  EXPECT_THAT(sizes(small), ElementsAre("13B-Q4_K_M", "7B-Q4_K_M", "3B-Q4_K_M", "3B-Q4_K_M-cold"));
  const auto left_out =
      std::find_if(small.left_out.begin(), small.left_out.end(),
                   [](const LeftOut& item) { return item.what == "32B at Q4_K_M"; });
  ASSERT_NE(left_out, small.left_out.end());
  EXPECT_THAT(left_out->why, HasSubstr("of memory"));
}

TEST(Plan, EveryCellHasThreadsAndAPredictionBelowTheCeiling) {
  const Plan plan = make_plan(Kind::quick, machine(), resources(16), 1);
  ASSERT_EQ(plan.predictions.size(), plan.cells.size() - 1);  // none for the cold start
  for (const CellPrediction& p : plan.predictions) {
    EXPECT_EQ(p.by, "program");
    ASSERT_TRUE(p.share && p.p80 && p.p95);
    EXPECT_LT(p.share->median, 1);
    EXPECT_LT(p.p95->low, p.p80->low);
  }
  for (const Cell& cell : plan.cells) EXPECT_EQ(cell.threads, 2U);
  EXPECT_EQ(plan.hypotheses.size(), 3U);
}

TEST(Plan, ATinyMachineIsRefusedWithTheReason) {
  try {
    make_plan(Kind::quick, machine(), resources(0.5), 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("needs"));
  }
}

TEST(AdoptedPlan, KeepsCellsAndSeedAndMakesPredictionsAnew) {
  Plan plan = make_plan(Kind::quick, machine(60), resources(16), 77);
  const double elsewhere = plan.predictions[0].median;
  plan = adopt_plan(plan, machine(30));
  EXPECT_EQ(plan.seed, 77U);
  EXPECT_LT(plan.predictions[0].median, elsewhere);
  EXPECT_EQ(plan.machine.read_gb_per_s, 30);
}

}  // namespace
}  // namespace ceiling::lab
