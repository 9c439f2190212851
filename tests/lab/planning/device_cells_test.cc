#include "lab/planning/device_cells.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lab/planning/planner.h"

namespace ceiling::lab {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

PlanMachine machine(std::uint64_t device_gib = 79) {
  PlanMachine m;
  m.cpu = "Test CPU";
  m.system = "Test OS";
  m.threads = 16;
  m.memory_bytes = 128 * kGiB;
  m.read_gb_per_s = 150;
  m.read_gb_per_s_range = {140, 160};
  m.int8_gop_per_s = 9000;
  m.devices = {{"cuda", "Test GPU", device_gib * kGiB, 3060, {3000, 3100}, 55}};
  return m;
}

Resources resources(std::uint64_t disk_gib = 120) {
  Resources r;
  r.memory_bytes = 128 * kGiB;
  r.available_bytes = 120 * kGiB;
  r.disk_bytes = disk_gib * kGiB;
  return r;
}

Plan plan_on(const std::vector<std::string>& devices, Kind kind = Kind::quick,
             std::uint64_t device_gib = 79) {
  return make_plan(kind, machine(device_gib), resources(), 1, {}, {}, devices);
}

std::vector<std::string> decoded(const Plan& plan) {
  std::vector<std::string> ids;
  for (const Cell& cell : plan.cells) {
    if (cell.work == Work::decode && !plan.design.has(cell.id)) ids.push_back(cell.id);
  }
  return ids;
}

TEST(DeviceCells, BesideTheCpuTheyAreItsDecodeCellsOnceMore) {
  const Plan plan = plan_on({"cpu", "cuda"});
  EXPECT_THAT(decoded(plan), Contains("7B-Q4_K_M"));
  EXPECT_THAT(decoded(plan), Contains("7B-Q4_K_M-cuda"));
  EXPECT_THAT(decoded(plan), Not(Contains("1B-Q4_K_M-cold-cuda")));
  EXPECT_EQ(plan.find("7B-Q4_K_M-cuda")->device, "cuda");
  EXPECT_EQ(plan.find("7B-Q4_K_M")->device, "cpu");
  EXPECT_EQ(plan.find("7B-Q4_K_M")->prompt_tokens, 128U);  // the CPU's cells are as without it
  EXPECT_EQ(plan.devices(), (std::vector<std::string>{"cpu", "cuda"}));
}

// Verdicts of one device must not be taken for another's.
TEST(DeviceCells, HypothesesSayOnWhichDeviceTheyAreNotTested) {
  const Plan plan = plan_on({"cpu", "cuda"}, Kind::standard);
  EXPECT_EQ(plan.tested_device(), "cpu");
  ASSERT_EQ(plan.hypotheses.size(), 6U);
  EXPECT_EQ(plan.hypotheses[3].id, "H1 on cuda");
  EXPECT_THAT(plan.hypotheses[3].untested, HasSubstr("not available on cuda"));
  EXPECT_THAT(plan.hypotheses[5].untested, HasSubstr("ceiling lab --device cuda"));
}

TEST(DeviceCells, AloneTheyAreOfItsOwnSizes) {
  const Plan plan = plan_on({"cuda"}, Kind::standard);
  for (const char* id : {"70B-Q4_K_M-cuda", "32B-Q4_K_M-cuda", "8B-Q4_K_M-cuda", "8B-F16-cuda"}) {
    ASSERT_NE(plan.find(id), nullptr) << id;
    EXPECT_EQ(plan.find(id)->work, Work::decode);
  }
  for (const Cell& cell : plan.cells) EXPECT_EQ(cell.device, "cuda") << cell.id;
  EXPECT_EQ(plan.hypotheses[0].untested,
            "not available on cuda: it has no kernels with added work");
}

TEST(DeviceCells, AloneTheyTestWhatCanBeTestedThere) {
  const Plan plan = plan_on({"cuda"});
  EXPECT_EQ(plan.tested_device(), "cuda");
  EXPECT_EQ(plan.design.types.size(), 6U);
  EXPECT_EQ(plan.design.overhead_types.size(), 4U);
  EXPECT_EQ(plan.design.same.size(), 2U);
  EXPECT_TRUE(plan.design.treated.empty());
  ASSERT_EQ(plan.design.fills.size(), 10U);
  EXPECT_NEAR(plan.find(plan.design.fills.front())->fill, 1 / 1.2, 1e-12);
  EXPECT_DOUBLE_EQ(plan.find(plan.design.fills.back())->fill, 2);
  ASSERT_EQ(plan.hypotheses.size(), 3U);
  EXPECT_FALSE(plan.hypotheses[0].untested.empty());
  EXPECT_TRUE(plan.hypotheses[1].untested.empty());
  EXPECT_TRUE(plan.hypotheses[2].untested.empty());
  for (const CellPrediction& p : plan.predictions) EXPECT_THAT(p.cell, Not(HasSubstr("nothing")));
}

TEST(DeviceCells, OneMiddleSizeHasTypesAndBudgets) {
  const Plan plan = plan_on({"cuda"}, Kind::standard);
  EXPECT_THAT(plan.design.types, Each(StartsWith("8B-")));
  EXPECT_THAT(plan.design.same, ElementsAre("8B-Q4_K_M-cuda", "8B-Q4_K_M-cuda-twin"));
  EXPECT_THAT(plan.design.fills, Each(StartsWith("8B-Q4_K_M-cuda-budget-")));
  const Plan small = plan_on({"cuda"}, Kind::standard, 12);  // no room for 8B at F16
  EXPECT_THAT(small.design.types, Each(StartsWith("1B-")));
  EXPECT_THAT(small.design.fills, Each(StartsWith("8B-Q4_K_M-cuda-budget-")));
}

TEST(DeviceCells, ASmallerCardRunsTheLargestModelOnceMore) {
  Resources asked = resources();
  asked.card_bytes = 24 * kGiB;
  const auto plan_within = [&](std::uint64_t card_bytes) {
    asked.card_bytes = card_bytes;
    return make_plan(Kind::standard, machine(), asked, 1, {}, {}, {"cuda"});
  };
  const Plan plan = plan_within(24 * kGiB);
  const Cell* cell = plan.find("70B-Q4_K_M-cuda-within-24576MiB");
  ASSERT_NE(cell, nullptr);
  EXPECT_EQ(cell->limit_bytes, 24 * kGiB);
  EXPECT_EQ(cell->title(), "70B at Q4_K_M within 24.0 GiB on cuda");
  EXPECT_THAT(plan.design.fills, Not(Contains(cell->id)));
  EXPECT_EQ(plan_from_json(to_json(plan), "plan").find(cell->id)->limit_bytes, cell->limit_bytes);
  const Plan fits = plan_within(72 * kGiB);
  EXPECT_EQ(fits.left_out.front().why, "it fits whole: nothing would be left to the CPU");
}

TEST(DeviceCells, ADeviceThatReadsTheHostsMemoryHasNoBudget) {
  const Plan plan = plan_on({"cuda"}, Kind::quick, 0);
  EXPECT_TRUE(plan.design.fills.empty());
  EXPECT_EQ(plan.hypotheses[2].untested, "the device reads the host's memory: no budget limits it");
  Resources asked = resources();
  asked.card_bytes = 4 * kGiB;
  const Plan within = make_plan(Kind::quick, machine(0), asked, 1, {}, {}, {"cuda"});
  EXPECT_EQ(within.left_out.front().what, "8B at Q4_K_M within 4.00 GiB on cuda");
  EXPECT_EQ(within.left_out.front().why, plan.hypotheses[2].untested);
}

TEST(DeviceCells, WhatTheDeviceDoesNotHoldIsLeftOutWithTheReason) {
  const Plan plan = plan_on({"cuda"}, Kind::standard, 24);
  EXPECT_THAT(decoded(plan), Not(Contains("70B-Q4_K_M-cuda")));
  EXPECT_EQ(plan.left_out.front().what, "70B at Q4_K_M on cuda");
  EXPECT_THAT(plan.left_out.front().why, HasSubstr("of the device's memory"));
}

TEST(DeviceCells, PredictionsAreOfTheDevicesOwnRate) {
  const Plan plan = plan_on({"cuda"});
  const auto found =
      std::find_if(plan.predictions.begin(), plan.predictions.end(),
                   [](const CellPrediction& p) { return p.cell == "8B-Q4_K_M-cuda"; });
  ASSERT_NE(found, plan.predictions.end());
  // An H100 of this rate made 430 tokens/s (docs/results/cuda).
  EXPECT_GT(found->p95->high, 430);
  EXPECT_LT(found->p95->low, 430);
  EXPECT_LT(found->share->p95.high, 1.0001);
}

TEST(DeviceCells, AQuickPlanFitsACallOfTenMinutes) {
  const Plan plan = plan_on({"cuda"});
  EXPECT_LT(1.15 * plan.estimate_s, 8 * 60);
  EXPECT_EQ(plan.blocks, 5U);
  EXPECT_EQ(plan_from_json(to_json(plan), "plan").cells.size(), plan.cells.size());
}

}  // namespace
}  // namespace ceiling::lab
