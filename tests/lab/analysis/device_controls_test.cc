#include "lab/analysis/device_controls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lab/analysis/analysis.h"
#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"
#include "lab/protocol/verify.h"
#include "lab/report/report.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

FakeRunner ordinary_device() {
  FakeRunner runner;
  runner.share_of_cell = {{"budget-90", 0.3}, {"budget-50", 0.05}};  // what spills is slower
  return runner;
}

class DeviceControls : public ::testing::Test {
 protected:
  Judgement judged(const std::string& name, FakeRunner& runner, const Plan& plan) {
    const RunDirectory directory = finished_run("device_controls_" + name, plan, runner);
    run_ = std::make_unique<OpenedRun>(open_run(directory));
    EXPECT_THAT(verify(directory).problems, IsEmpty());
    return judge(run_->plan, run_->state);
  }
  std::unique_ptr<OpenedRun> run_;
};

TEST_F(DeviceControls, DecideWhatCanBeDecidedOnADevice) {
  FakeRunner runner = ordinary_device();
  const Judgement j = judged("hold", runner, device_hypothesis_plan());
  EXPECT_THAT(j.find("H1")->why_not, HasSubstr("not available on cuda"));
  EXPECT_EQ(j.find("H2")->decision.verdict, Verdict::supported) << j.find("H2")->why_not;
  EXPECT_EQ(j.find("H3")->decision.verdict, Verdict::supported) << j.find("H3")->why_not;
  EXPECT_NEAR(j.overhead_types->decides.slope.value, 0, 1e-6);
  EXPECT_EQ(j.fills->levels.back().spilled_bytes, 2e9);
}

TEST_F(DeviceControls, AControlThatFollowsItsBytesKeepsH2Undecided) {
  FakeRunner runner = ordinary_device();
  runner.alter = [](std::size_t, TrialResult& result) {
    if (!result.cell.starts_with("nothing-")) return;
    const double per_token = static_cast<double>(result.decode_read_bytes) / 20;
    result.token_s.assign(20, 1e-9 * per_token);
  };
  const Judgement j = judged("follows", runner, device_hypothesis_plan());
  EXPECT_THAT(j.find("H2")->why_not, HasSubstr("shrunk to nothing came out with a slope of"));
  EXPECT_EQ(j.find("H3")->decision.verdict, Verdict::supported);
}

TEST_F(DeviceControls, BudgetsThatDoNothingKeepH3Undecided) {
  FakeRunner runner = ordinary_device();
  runner.alter = [](std::size_t, TrialResult& result) {
    if (result.own_memory) result.own_memory->spilled_bytes = 0;
  };
  EXPECT_THAT(judged("unspilled", runner, device_hypothesis_plan()).find("H3")->why_not,
              HasSubstr("positive control failed"));
  FakeRunner as_fast;
  EXPECT_THAT(judged("as_fast", as_fast, device_hypothesis_plan()).find("H3")->why_not,
              HasSubstr("positive control failed"));
}

// 3000 GB/s of the device's own, 30 of the host's: what is left to the CPU costs a hundred times.
TEST_F(DeviceControls, WhatSpillsStandsBesideWhatDoesNot) {
  FakeRunner runner = ordinary_device();
  const Plan plan = device_hypothesis_plan();
  judged("spilled", runner, plan);
  const Analysis analysis = analyse(run_->plan, run_->state);
  ASSERT_FALSE(analysis.spilled.empty());
  const SpilledFigures& figures = analysis.spilled.back();
  const Cell& cell = plan.cells[figures.cell];
  const Cell& resident = plan.cells[figures.resident];
  EXPECT_EQ(cell.fill_by, FillBy::budget);
  EXPECT_EQ(resident.work, Work::decode);
  EXPECT_EQ(resident.model, cell.model);
  EXPECT_FALSE(plan.design.is_twin(resident.id));
  EXPECT_NEAR(figures.times_slower.value, figures.resident_per_s.value / figures.tokens_per_s.value,
              1e-6);
  EXPECT_EQ(figures.left_bytes, 2e9);
  const double more_s = 2e9 / (run_->plan.machine.read_gb_per_s * 1e9) - 2e9 / 3000e9;
  EXPECT_NEAR(figures.times_by_memory, 1 + more_s * figures.resident_per_s.value,
              0.02 * figures.times_by_memory);
  const Report report = make_report(plan, run_->ledger.entries());
  for (const std::string& text : {report.markdown, report.html}) {
    EXPECT_THAT(text, HasSubstr("By the two memories"));
  }
}

// The controls are no result, and every figure says where it is from.
TEST_F(DeviceControls, TheReportNamesTheDeviceAtItsVerdicts) {
  FakeRunner runner = ordinary_device();
  const Plan plan = device_hypothesis_plan();
  judged("report", runner, plan);
  const auto& entries = run_->ledger.entries();
  const ReportData data = gather(plan, entries);
  EXPECT_EQ(data.analysis.find(plan, "nothing-F16"), nullptr);
  const Report report = make_report(plan, entries);
  for (const char* text : {"○ No verdict: not available on cuda", "● Supported: on cuda: the slope",
                           "● Supported: on cuda: the largest loss", "Left to the CPU, GB",
                           "time follows no bytes: slope below 0.50", "1B on cuda in 5 types"}) {
    EXPECT_THAT(report.markdown + report.html, HasSubstr(text)) << text;
  }
}

}  // namespace
}  // namespace ceiling::lab
