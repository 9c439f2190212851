#include "lab/wording/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;

class Claims : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    FakeRunner runner;
    runner.slopes_of_cell = {
        {"treated", {0.92, 0.01, 0.04}}, {"x8", {0.02, 0.0, 0.93}}, {"nothing", {0.01, 0.0, 0.05}}};
    run_ = new OpenedRun(open_run(finished_run("claims", hypothesis_plan(), runner)));
    analysis_ = new Analysis(analyse(run_->plan, run_->state));
  }
  static void TearDownTestSuite() {
    delete run_;
    delete analysis_;
  }
  static JudgedClaim claim(const std::string& id) {
    const auto all = judge_claims(run_->plan, *analysis_);
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const JudgedClaim& c) { return c.id == id; });
    EXPECT_NE(found, all.end()) << id;
    return found == all.end() ? JudgedClaim{} : *found;
  }
  static JudgedClaim tested(const std::string& test) {
    return judge_claims(
               R"({"format":"ceiling-claims/1","claims":[{"id":"X","claim":"c","evidence":"e","test":)" +
                   test + "}]}",
               run_->plan, *analysis_)
        .front();
  }
  static inline OpenedRun* run_ = nullptr;
  static inline Analysis* analysis_ = nullptr;
};

// From 1008 / 273 = 3.69, from exact bytes, from this run's verdicts.
TEST_F(Claims, AreJudgedByTheirEvidence) {
  EXPECT_EQ(claim("C9").outcome, ClaimOutcome::refuted);
  EXPECT_THAT(claim("C9").because, HasSubstr("3.69"));
  EXPECT_EQ(claim("C3").outcome, ClaimOutcome::refuted);
  EXPECT_THAT(claim("C3").because, HasSubstr("3.76 times"));
  EXPECT_EQ(claim("C10").outcome, ClaimOutcome::supported);
  EXPECT_EQ(claim("C11").outcome, ClaimOutcome::refuted);
  EXPECT_EQ(claim("C12").outcome, ClaimOutcome::refuted);
  EXPECT_EQ(claim("C17").outcome, ClaimOutcome::supported);
  EXPECT_EQ(claim("C6").outcome, ClaimOutcome::supported);
  EXPECT_THAT(claim("C6").because, HasSubstr("0.92"));
  EXPECT_EQ(claim("C15").outcome, ClaimOutcome::supported);
  EXPECT_EQ(claim("C4").outcome, ClaimOutcome::not_testable);
  EXPECT_EQ(claim("C14").outcome, ClaimOutcome::refuted);
  EXPECT_THAT(claim("C14").because, HasSubstr("does not hold 70B; it holds 1B, 3B, 7B, 13B, 32B"));
}

// Twenty machines or more with both figures, all in the text.
TEST_F(Claims, PublishedRowsRankMachines) {
  const JudgedClaim ranks = claim("C13");
  EXPECT_THAT(ranks.because, HasSubstr("by bandwidth"));
  EXPECT_THAT(ranks.because, HasSubstr("by float16 rate over"));
  const auto by = [](const std::string& figure, const std::string& other) {
    return tested(R"({"kind":"ranks","model":"LLaMA 7B v2","type":"Q4_0","test":"tg128","figure":)"
                  R"({"name":"a","column":")" +
                  figure + R"("},"others":[{"name":"b","column":")" + other + R"("}]})")
        .outcome;
  };
  EXPECT_EQ(by("bandwidth_gb_s", "release_year"), ClaimOutcome::supported);
  EXPECT_EQ(by("release_year", "bandwidth_gb_s"), ClaimOutcome::refuted);
  EXPECT_EQ(by("bandwidth_gb_s", "bandwidth_gb_s"), ClaimOutcome::undecided);
}

TEST_F(Claims, ARunWithoutVerdictLeavesThemUndecided) {
  Analysis none = *analysis_;
  for (HypothesisVerdict& v : none.judgement.verdicts) v.why_not = "its A/A gate did not pass";
  const auto all = judge_claims(run_->plan, none);
  EXPECT_EQ(all[5].id, "C6");
  EXPECT_EQ(all[5].outcome, ClaimOutcome::undecided);
}

TEST_F(Claims, EachRuleGoesBothWays) {
  const auto ratio = [](const std::string& more) {
    return tested(
        R"({"kind":"ratio","name":"n","of":{"name":"a","value":8,"source":"s"},"to":{"name":"b","value":4,"source":"s"},)" +
        more + "}");
  };
  EXPECT_EQ(ratio(R"("claimed":2.1,"within":0.1)").outcome, ClaimOutcome::supported);
  EXPECT_EQ(ratio(R"("claimed":2.5,"within":0.1)").outcome, ClaimOutcome::refuted);
  EXPECT_EQ(ratio(R"("at_most":2)").outcome, ClaimOutcome::supported);
  EXPECT_EQ(ratio(R"("at_most":1.5)").outcome, ClaimOutcome::refuted);
  EXPECT_EQ(
      tested(R"({"kind":"fits","size":"7B","type":"Q4_K_M","memory_gb":3,"claimed":true})").outcome,
      ClaimOutcome::refuted);
  EXPECT_EQ(tested(R"({"kind":"hypothesis","id":"H9"})").outcome, ClaimOutcome::undecided);
}

TEST_F(Claims, NoVerdictMayBeTypedIn) {
  EXPECT_THROW(tested(R"({"kind":"elsewhere","outcome":"supported","why":"I say so"})"), Error);
  EXPECT_THROW(tested(R"({"kind":"opinion"})"), Error);
  EXPECT_THROW(judge_claims("{}", run_->plan, *analysis_), Error);
}

}  // namespace
}  // namespace ceiling::lab
