#include "lab/analysis/energy_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"
#include "lab/report/report.h"
#include "lab/wording/claims.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;

// A machine whose processor draws 30 W while it decodes, and whose memory is counted in some
// trials.
OpenedRun metered_run(const std::string& name, Plan plan) {
  FakeRunner runner;
  runner.alter = [](std::size_t trial, TrialResult& result) {
    result.energy = {{"processor", 30 * result.decode_s()}};
    if (trial % 2 == 0) result.energy.push_back({"memory", 5 * result.decode_s()});
  };
  return open_run(finished_run("energy_" + name, plan, runner));
}

TEST(EnergyFigures, TokensAJouleAreSpeedOverPower) {
  const OpenedRun run = metered_run("own", fake_plan());
  const Analysis analysis = analyse(run.plan, run.state);
  for (const CellFigures& cell : analysis.cells) {
    ASSERT_EQ(cell.energy.size(), 1U);  // memory was not counted in every trial
    const EnergyFigures& energy = cell.energy.front();
    EXPECT_EQ(energy.what, "processor");
    EXPECT_NEAR(energy.watts, 30, 1e-9);
    EXPECT_NEAR(energy.tokens_per_joule.value, cell.tokens_per_s.value / 30, 1e-9);
    EXPECT_NEAR(energy.tokens_per_joule.high, cell.tokens_per_s.high / 30, 1e-9);
  }
}

TEST(EnergyFigures, AReadingAtTheWallIsSaidToBeTyped) {
  Plan plan = fake_plan();
  plan.machine.wall_watts = 60;
  const OpenedRun run = metered_run("wall", plan);
  const ReportData data = gather(run.plan, run.ledger.entries());
  const CellFigures& cell = data.analysis.headline();
  ASSERT_EQ(cell.energy.size(), 2U);
  EXPECT_EQ(cell.energy.back().what, "wall");
  EXPECT_NEAR(cell.energy.back().tokens_per_joule.value, cell.tokens_per_s.value / 60, 1e-9);
  const Report report = make_report(run.plan, run.ledger.entries());
  for (const std::string& text : {report.html, report.markdown}) {
    EXPECT_THAT(text, HasSubstr("typed from a meter at the wall"));
    EXPECT_THAT(text, HasSubstr("60.0 W were typed in before the run"));
  }
  EXPECT_THAT(report.csv, HasSubstr("processor_j"));
  bool told = false;
  for (const JudgedClaim& claim : judge_claims(data.plan, data.analysis)) {
    told |= claim.id == "C13" &&
            claim.because.find("tokens a joule of the whole machine") != std::string::npos;
  }
  EXPECT_TRUE(told);
}

TEST(EnergyFigures, AMachineWithoutMetersSaysSo) {
  FakeRunner runner;
  const OpenedRun run = open_run(finished_run("energy_none", fake_plan(), runner));
  EXPECT_THAT(make_report(run.plan, run.ledger.entries()).markdown,
              HasSubstr("What a token costs in energy is not known of this run"));
}

}  // namespace
}  // namespace ceiling::lab
