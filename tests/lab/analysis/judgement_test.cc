#include "lab/analysis/judgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/analysis/extension.h"
#include "lab/charts/chart.h"
#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"
#include "lab/protocol/verify.h"
#include "lab/report/report.h"
#include "lab/report/summary.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A machine on which everything is as the hypotheses say.
FakeRunner ordinary_machine() {
  FakeRunner runner;
  runner.slopes_of_cell = {
      {"treated", {0.92, 0.01, 0.04}}, {"x8", {0.02, 0.0, 0.93}}, {"nothing", {0.01, 0.0, 0.05}}};
  runner.share_of_cell = {{"fill-110", 0.05}};  // beyond the memory: described, not judged
  return runner;
}

class JudgementTest : public ::testing::Test {
 protected:
  Judgement judged(const std::string& name, FakeRunner& runner, const Plan& plan) {
    const RunDirectory directory = finished_run("judgement_" + name, plan, runner);
    run_ = std::make_unique<OpenedRun>(open_run(directory));
    EXPECT_THAT(verify(directory).problems, IsEmpty());
    return judge(run_->plan, run_->state);
  }
  std::unique_ptr<OpenedRun> run_;
};

TEST_F(JudgementTest, SupportsWhatHolds) {
  FakeRunner runner = ordinary_machine();
  const Judgement j = judged("holds", runner, hypothesis_plan());
  EXPECT_EQ(j.find("H1")->decision.verdict, Verdict::supported);
  EXPECT_EQ(j.find("H2")->decision.verdict, Verdict::supported);
  EXPECT_EQ(j.find("H3")->decision.verdict, Verdict::supported);
  ASSERT_EQ(j.fills->levels.size(), 5U);
  EXPECT_NEAR(j.fills->levels[3].speed.value, 1, 1e-6);
  EXPECT_NEAR(j.fills->levels[4].speed.value, 0.05 / 0.8, 1e-6);
  EXPECT_EQ(j.fills->levels[4].refaults_per_token, 200);
  EXPECT_NEAR(j.treated->shown.bandwidth.value, 0.92, 1e-6);
  EXPECT_NEAR(j.types->shown.slope.value, 1, 1e-6);
  EXPECT_TRUE(j.same->passed);
  EXPECT_EQ(j.compute_control->bound, Bound::compute);
  EXPECT_EQ(j.overhead_control->bound, Bound::overhead);
}

TEST_F(JudgementTest, RefutesWhatDoesNot) {
  FakeRunner runner = ordinary_machine();
  runner.slopes_of_cell["treated"] = {0.2, 0.01, 0.7};
  // Time hardly follows bytes: the larger the type, the larger its share of the ceiling.
  runner.share_of_cell = {{"1B-Q4_K_M", 0.30}, {"1B-Q4_K_M-twin", 0.30}, {"1B-Q5_K_M", 0.36},
                          {"1B-Q6_K", 0.42},   {"1B-Q8_0", 0.54},        {"1B-F16", 0.95}};
  const Judgement j = judged("refuted", runner, hypothesis_plan());
  EXPECT_EQ(j.find("H1")->decision.verdict, Verdict::refuted);
  EXPECT_EQ(j.find("H2")->decision.verdict, Verdict::refuted);
}

TEST_F(JudgementTest, ACliffBeforeTheMemoryIsFullRefutes) {
  FakeRunner runner = ordinary_machine();
  runner.share_of_cell = {{"fill-95", 0.3}, {"fill-100", 0.28}, {"fill-110", 0.05}};
  const Judgement j = judged("cliff", runner, hypothesis_plan());
  EXPECT_EQ(j.find("H3")->decision.verdict, Verdict::refuted);
  EXPECT_THAT(j.find("H3")->decision.because, HasSubstr("at 0.95 of the memory"));
}

TEST_F(JudgementTest, AControlThatComesOutWrongLeavesNoVerdict) {
  FakeRunner runner = ordinary_machine();
  runner.slopes_of_cell["x8"] = {0.9, 0.0, 0.05};
  const Judgement j = judged("control", runner, hypothesis_plan());
  for (const char* id : {"H1", "H2"}) {
    EXPECT_EQ(j.find(id)->decision.verdict, Verdict::none);
    EXPECT_THAT(j.find(id)->why_not, HasSubstr("eightfold arithmetic came out as memory-bound"));
  }
  EXPECT_NEAR(j.treated->shown.bandwidth.value, 0.92, 1e-6);  // its figures still show
}

TEST_F(JudgementTest, APlaceboThatCostsTimeSpoilsTheInstrument) {
  FakeRunner runner = ordinary_machine();
  runner.slopes_of_cell["treated"] = {0.92, 0.3, 0.04};
  const Judgement j = judged("placebo", runner, hypothesis_plan());
  EXPECT_THAT(j.find("H1")->why_not, HasSubstr("placebo"));
  EXPECT_EQ(j.find("H2")->decision.verdict, Verdict::supported);
}

TEST_F(JudgementTest, AddedBytesThatCameTooFastNeverReachedMemory) {
  FakeRunner runner = ordinary_machine();
  runner.added_rate = 1.9;  // half of the fetches were dropped
  const Judgement j = judged("dropped", runner, hypothesis_plan());
  EXPECT_NEAR(j.treated->added->ratio.value, 1.9, 1e-3);
  EXPECT_EQ(j.find("H1")->decision.verdict, Verdict::none);
  EXPECT_THAT(j.find("H1")->why_not,
              HasSubstr("could not be shown to come from memory: they came at 1.90"));
  EXPECT_EQ(j.find("H2")->decision.verdict, Verdict::supported);
}

TEST_F(JudgementTest, WhereArithmeticTakesTheTimeNoAddedByteCouldShowOtherwise) {
  FakeRunner runner = ordinary_machine();
  runner.slopes_of_cell["treated"] = {0.2, 0.01, 0.7};
  runner.added_rate = 1.9;
  const Judgement j = judged("arithmetic", runner, hypothesis_plan());
  EXPECT_EQ(j.find("H1")->decision.verdict, Verdict::refuted);
}

TEST_F(JudgementTest, WithoutReadingsBetweenTheDosesNothingShowsWhereTheBytesCameFrom) {
  FakeRunner runner = ordinary_machine();
  runner.alter = [](std::size_t, TrialResult& result) { result.treated_memory.clear(); };
  const Judgement j = judged("unread", runner, hypothesis_plan());
  EXPECT_FALSE(j.treated->added.has_value());
  EXPECT_THAT(j.find("H1")->why_not,
              HasSubstr("nothing shows that the added bytes came from memory"));
}

TEST_F(JudgementTest, ATwinThatDiffersStopsRatioClaimsOnly) {
  FakeRunner runner = ordinary_machine();
  runner.share_of_cell = {{"1B-Q4_K_M-twin", 0.84}};  // 5 % off 0.80
  const Judgement j = judged("twin", runner, hypothesis_plan());
  EXPECT_FALSE(j.same->passed);
  EXPECT_THAT(j.find("H2")->why_not, HasSubstr("could not be shown to be the same within 2 %"));
  EXPECT_EQ(j.find("H1")->decision.verdict, Verdict::supported);
}

TEST_F(JudgementTest, TooManyExclusionsLeaveNoVerdict) {
  FakeRunner runner = ordinary_machine();
  runner.alter = [](std::size_t trial, TrialResult& result) {
    if (trial % 4 == 0) result.conditions.swap_in_pages = 9;
  };
  const Judgement j = judged("excluded", runner, hypothesis_plan());
  EXPECT_THAT(j.find("H1")->why_not, HasSubstr("were excluded, more than the 10 %"));
}

TEST_F(JudgementTest, APlanWithoutInterventionsSaysSo) {
  FakeRunner runner;
  const Judgement j = judged("plain", runner, fake_plan());
  ASSERT_EQ(j.verdicts.size(), 3U);
  for (const HypothesisVerdict& v : j.verdicts) {
    EXPECT_EQ(v.decision.verdict, Verdict::none);
    EXPECT_THAT(v.why_not, HasSubstr("no ratio alone can decide a cause"));
  }
}

// Extension: by the A/A cells alone, on record, replayed, and only as far as the plan says.
TEST_F(JudgementTest, ExtendsWhileTheTwinsAreNotShownToBeTheSame) {
  Plan plan = hypothesis_plan(3);
  plan.extensions = {5, 8};
  FakeRunner runner = ordinary_machine();
  std::size_t twins = 0;
  runner.alter = [&](std::size_t, TrialResult& result) {
    if (result.cell != "1B-Q4_K_M-twin") return;
    const double off = ++twins <= 3 ? (twins % 2 == 0 ? 1.1 : 0.92) : 1.0;  // noisy at first
    for (double& seconds : result.token_s) seconds *= off;
  };
  judged("extended", runner, plan);
  EXPECT_GT(run_->state.blocks, 3U);
  EXPECT_THAT(run_->state.notes.front().text, HasSubstr("extended from 3 to 5 blocks"));
  EXPECT_FALSE(extension_due(run_->plan, run_->state).has_value());
}

TEST_F(JudgementTest, DoesNotExtendWhatIsPreciseEnough) {
  Plan plan = hypothesis_plan(3);
  plan.extensions = {5, 8};
  FakeRunner runner = ordinary_machine();
  judged("precise", runner, plan);
  EXPECT_EQ(run_->state.blocks, 3U);
}

TEST_F(JudgementTest, TheReportTellsTheVerdictsWithTheirNumbers) {
  FakeRunner runner = ordinary_machine();
  judged("report", runner, hypothesis_plan());
  const ReportData data = gather(run_->plan, run_->ledger.entries());
  for (const Chart& chart :
       {elasticity_chart(data), dose_chart(data), type_chart(data), fill_chart(data)}) {
    for (const std::string& svg : {chart.wide, chart.narrow}) {
      EXPECT_LT(svg.size(), 40U << 10) << chart.id;
      EXPECT_THAT(svg, testing::Not(HasSubstr("nan")));
    }
    for (const auto& row : chart.data.rows) EXPECT_EQ(row.size(), chart.data.header.size());
  }
  const Report report = make_report(run_->plan, run_->ledger.entries());
  for (const std::string& text : {report.html, report.markdown}) {
    EXPECT_THAT(text, HasSubstr("H1: supported"));
    EXPECT_THAT(text, HasSubstr("0.92 (0.92–0.92)"));
    EXPECT_THAT(text, HasSubstr("compute-bound"));
    EXPECT_THAT(text, HasSubstr("Did the added bytes come from memory?"));
    EXPECT_THAT(text, HasSubstr("What would have changed it"));
  }
  EXPECT_THAT(report.markdown, HasSubstr("0.95 (0.95–0.95, 90 %) of its rate"));
  const std::string summary = terminal_summary(data, "x/report.html", 80);
  EXPECT_THAT(summary, HasSubstr("H1: supported"));
  EXPECT_LE(std::count(summary.begin(), summary.end(), '\n'), 20);
}

TEST(PlanDesign, ReadsBackAndNamesWhatIsWrong) {
  Plan plan = hypothesis_plan();
  plan.extensions = {10, 20};
  plan.thresholds.same_within = 0.03;
  const Plan again = plan_from_json(to_json(plan), "plan");
  EXPECT_EQ(again.design.types, plan.design.types);
  EXPECT_EQ(again.extensions, plan.extensions);
  EXPECT_EQ(again.thresholds.same_within, 0.03);
  EXPECT_EQ(again.find("treated")->treatments, plan.find("treated")->treatments);
  EXPECT_EQ(again.find("fill-95")->fill, 0.95);
  nlohmann::json wrong = to_json(plan);
  wrong["design"]["treated"] = "nowhere";
  EXPECT_THROW(plan_from_json(wrong, "plan"), Error);
  wrong = to_json(plan);
  wrong["design"]["treated"] = "1B-Q8_0";
  EXPECT_THROW(plan_from_json(wrong, "plan"), Error);
  wrong = to_json(plan);
  wrong["design"]["fills"] = {"fill-90", "fill-85", "fill-95"};
  EXPECT_THROW(plan_from_json(wrong, "plan"), Error);
  wrong = to_json(plan);
  wrong["extensions"] = {4};
  EXPECT_THROW(plan_from_json(wrong, "plan"), Error);
  wrong = to_json(plan);
  wrong["thresholds"]["bandwidth_leest"] = 0.1;
  EXPECT_THROW(plan_from_json(wrong, "plan"), Error);
}

}  // namespace
}  // namespace ceiling::lab
