#include "lab/analysis/analysis.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "lab/analysis/exclusions.h"
#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"

namespace ceiling::lab {
namespace {

Analysis analysis_of(const std::string& name, const Plan& plan, FakeRunner& runner) {
  const OpenedRun run = open_run(finished_run("analysis_" + name, plan, runner));
  return analyse(plan, run.state);
}

TEST(Analysis, SharesAreExactThoughTheMemorySwings) {
  FakeRunner runner;
  runner.share_of_cell = {{"7B-Q4_K_M", 0.94}};
  const Plan plan = fake_plan();
  const Analysis analysis = analysis_of("share", plan, runner);
  ASSERT_EQ(analysis.cells.size(), 3U);
  const CellFigures& figures = analysis.headline();
  EXPECT_EQ(plan.cells[figures.cell].id, "7B-Q4_K_M");
  EXPECT_NEAR(figures.share.value, 0.94, 1e-9);
  EXPECT_NEAR(figures.share.low, 0.94, 1e-6);
  EXPECT_EQ(figures.share.n, 5U);
  EXPECT_NEAR(figures.bytes_per_token, 4e9, 1);
  // The speed itself swings with the memory, so its interval is wide.
  EXPECT_GT(figures.tokens_per_s.high / figures.tokens_per_s.low, 1.01);
}

// The reference cell runs twice in a block: that is one observation, not two.
TEST(Analysis, ABlockIsOneObservation) {
  FakeRunner runner;
  const Analysis analysis = analysis_of("block", fake_plan(), runner);
  EXPECT_EQ(analysis.cells[0].points.size(), 10U);
  EXPECT_EQ(analysis.cells[0].share.n, 5U);
}

TEST(Analysis, TypesAreComparedAtTheSameMemorySpeed) {
  FakeRunner runner;
  runner.share_of_cell = {{"1B-Q4_K_M", 0.7}, {"1B-Q8_0", 0.8}};
  const Plan plan = fake_plan();
  const Analysis analysis = analysis_of("types", plan, runner);
  ASSERT_EQ(analysis.type_ratios.size(), 1U);
  const TypeRatio& ratio = analysis.type_ratios[0];
  EXPECT_EQ(plan.cells[ratio.smaller].id, "1B-Q4_K_M");
  EXPECT_NEAR(ratio.bytes, 1.3 / 0.7, 1e-9);
  EXPECT_NEAR(ratio.speed.value, 1.3 / 0.7 * 0.7 / 0.8, 1e-9);
}

// A cold start is a clock of its own: it must not slip among the decode speeds.
TEST(Analysis, AColdLoadStandsApart) {
  Plan plan = fake_plan();
  plan.cells.push_back(plan.cells[2]);
  plan.cells.back().id = "7B-Q4_K_M-cold";
  plan.cells.back().work = Work::cold_load;
  FakeRunner runner;
  runner.alter = [](std::size_t, TrialResult& result) {
    if (result.cell != "7B-Q4_K_M-cold") return;
    result.load_s = 8;
    result.cached_share = 0.01;
  };
  const Analysis analysis = analysis_of("cold", plan, runner);
  EXPECT_EQ(analysis.cells.size(), 3U);
  ASSERT_EQ(analysis.cold_loads.size(), 1U);
  const ColdLoad& cold = analysis.cold_loads[0];
  EXPECT_NEAR(cold.load_s.value, 8, 1e-9);
  EXPECT_EQ(cold.load_s.n, 5U);
  EXPECT_EQ(cold.cached_share, 0.01);
  EXPECT_EQ(analysis.trials, 25U);
}

TEST(Analysis, ExcludedTrialsAreCountedAndNotUsed) {
  FakeRunner runner;
  runner.alter = [](std::size_t trial, TrialResult& result) {
    if (result.cell != "7B-Q4_K_M" || trial >= 4) return;
    result.conditions.others_share = 0.3;
    for (double& seconds : result.token_s) seconds *= 10;
  };
  const Plan plan = fake_plan();
  const Analysis analysis = analysis_of("excluded", plan, runner);
  EXPECT_EQ(analysis.excluded, 1U);
  EXPECT_NEAR(analysis.headline().share.value, 0.8, 1e-9);
  EXPECT_FALSE(analysis.headline().disturbed);
  EXPECT_EQ(analysis.headline().points.size(), 6U);
}

TEST(Analysis, ABlockWithoutAnUndisturbedTrialIsSaid) {
  FakeRunner runner;
  runner.alter = [](std::size_t, TrialResult& result) { result.conditions.others_share = 0.3; };
  const Analysis analysis = analysis_of("disturbed", fake_plan(2), runner);
  EXPECT_TRUE(analysis.headline().disturbed);
  EXPECT_NEAR(analysis.headline().share.value, 0.8, 1e-9);
  EXPECT_EQ(analysis.excluded, analysis.trials);
  EXPECT_NE(analysis.no_verdict.front().find("were excluded"), std::string::npos);
}

TEST(Analysis, ATokensTimeAddsUp) {
  FakeRunner runner;
  const Analysis analysis = analysis_of("time", fake_plan(), runner);
  for (const CellFigures& figures : analysis.cells) {
    const TokenTime& time = figures.token_time;
    EXPECT_NEAR(time.at_ceiling_s / time.all_s(), 0.8, 1e-6);
    EXPECT_NEAR(time.matrices_beyond_s / time.all_s(), 0.1, 1e-6);
    EXPECT_NEAR(time.attention_s / time.all_s(), 0.04, 1e-6);
    EXPECT_NEAR(time.other_s / time.all_s(), 0.06, 1e-6);
  }
}

TEST(Exclusions, EachPhysicalEventIsNamed) {
  const Exclusions rules;
  TrialConditions quiet;
  quiet.elapsed_s = 1;
  EXPECT_TRUE(excluded_by(rules, quiet).empty());
  quiet.others_share = 0.02;  // not above
  EXPECT_TRUE(excluded_by(rules, quiet).empty());
  quiet.others_share = 0.03;
  quiet.others_share_resolution = 0.04;  // a short trial: ticks of the clock show no less
  EXPECT_TRUE(excluded_by(rules, quiet).empty());
  quiet.others_share_resolution = 0.005;
  EXPECT_EQ(excluded_by(rules, quiet).size(), 1U);
  TrialConditions all;
  all.others_share = 0.03;
  all.swap_in_pages = 1;
  all.throttle_events = 2;
  all.slept_s = 60;
  all.clock_jump_s = -3600;
  EXPECT_EQ(excluded_by(rules, all).size(), 5U);
}

}  // namespace
}  // namespace ceiling::lab
