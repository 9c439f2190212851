#include "lab/exchange/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "base/error.h"
#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"
#include "lab/report/report.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A finished run whose memory is `faster` times as fast and whose 7B reaches `share`.
class FinishedRun {
 public:
  FinishedRun(const std::string& name, double faster, double share,
              const Plan& plan = fake_plan()) {
    FakeRunner runner;
    runner.share_of_cell = {{"7B-Q4_K_M", share}};
    runner.alter = [&](std::size_t trial, TrialResult& result) {
      const double noise = 1 + 0.004 * static_cast<double>(trial % 4);
      for (double& seconds : result.token_s) seconds *= noise / faster;
      for (ProbeSlice& slice : result.slices) slice.seconds /= faster;
    };
    run_ = std::make_unique<OpenedRun>(open_run(finished_run("compare_" + name, plan, runner)));
  }
  ReportData data() const { return gather(run_->plan, run_->ledger.entries()); }

 private:
  std::unique_ptr<OpenedRun> run_;
};

constexpr std::array kMachine = {Variable::machine};

TEST(Compare, ExplainsTheRatioByMemoryAndShare) {
  const FinishedRun a("a", 1, 0.8);
  const FinishedRun b("b", 2, 0.9);
  const ReportData data_a = a.data();
  const Comparison c = compare(data_a, b.data(), kMachine);
  ASSERT_EQ(c.cells.size(), 3U);
  const ComparedCell& cell = c.cells[2];
  EXPECT_NEAR(cell.memory.value, 2, 0.1);
  EXPECT_NEAR(cell.share.value, 0.9 / 0.8, 0.01);
  EXPECT_NEAR(cell.speed.value, cell.memory.value * cell.share.value, 0.01);
  EXPECT_LT(cell.speed.low, cell.speed.value);
  EXPECT_LT(cell.p, 0.05);
  EXPECT_THAT(explanation(data_a, cell), HasSubstr("its memory reads"));
}

TEST(Compare, EqualRunsAreNotShownToDiffer) {
  const FinishedRun a("same_a", 1, 0.8);
  const FinishedRun b("same_b", 1, 0.8);
  const Comparison c = compare(a.data(), b.data(), {});
  EXPECT_THAT(c.differences, IsEmpty());
  for (const ComparedCell& cell : c.cells) {
    EXPECT_GT(cell.p, 0.05);
    EXPECT_LE(cell.speed.low, 1);
    EXPECT_GE(cell.speed.high, 1);
  }
}

TEST(Compare, RefusesWhatDiffersUndeclaredAndNamesAllOfIt) {
  Plan elsewhere = fake_plan();
  elsewhere.machine.cpu = "Another CPU";
  elsewhere.cells[1].prompt_tokens = 999;
  const FinishedRun a("one", 1, 0.8);
  const FinishedRun b("other", 1, 0.8, elsewhere);
  try {
    compare(a.data(), b.data(), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::refused);
    EXPECT_THAT(error.what(), HasSubstr("Another CPU"));
    EXPECT_THAT(error.what(), HasSubstr("--vary machine"));
    EXPECT_THAT(error.what(), HasSubstr("--vary lengths"));
  }
  const std::vector<Variable> both = {Variable::machine, Variable::lengths};
  EXPECT_EQ(compare(a.data(), b.data(), both).differences.size(), 2U);
}

TEST(Compare, RunsWithoutACommonCellAreRefused) {
  Plan other = fake_plan();
  for (Cell& cell : other.cells) cell.id += "-other";
  for (CellPrediction& p : other.predictions) p.cell += "-other";
  const FinishedRun a("common_a", 1, 0.8);
  const FinishedRun b("common_b", 1, 0.8, other);
  EXPECT_THROW(compare(a.data(), b.data(), {}), Error);
}

TEST(Variables, AreNamedWhereOneIsWrong) {
  EXPECT_EQ(variable_named("threads"), Variable::threads);
  try {
    variable_named("weather");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("residency"));
  }
}

}  // namespace
}  // namespace ceiling::lab
