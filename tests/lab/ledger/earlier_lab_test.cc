#include "lab/ledger/earlier_lab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/fake_lab.h"
#include "lab/ledger/left_out.h"
#include "lab/planning/planner.h"

namespace ceiling::lab {
namespace {

PlanMachine machine() {
  PlanMachine machine;
  machine.cpu = "A Test CPU";
  machine.system = "Test OS";
  machine.threads = 4;
  machine.memory_bytes = std::uint64_t{24} << 30U;
  machine.read_gb_per_s = 30;
  machine.int8_gop_per_s = 600;
  return machine;
}

Plan quick_plan(const PlanMachine& of) {
  Resources resources;
  resources.memory_bytes = resources.available_bytes = std::uint64_t{24} << 30U;
  resources.disk_bytes = std::uint64_t{200} << 30U;
  return make_plan(Kind::quick, of, resources, 1);
}

// A run in which every cell reached the share that the first values say, times `factor`; one trial
// of each was excluded for something that it must not teach.
RunDirectory run_reaching(const std::string& folder, double factor) {
  const Plan plan = quick_plan(machine());
  const RunDirectory run = RunDirectory::create(folder);
  run.write_plan(plan);
  std::ofstream results(run.results());
  results << "cell,excluded,share_of_ceiling\n";
  for (const CellPrediction& p : plan.predictions) {
    results << p.cell << ",," << p.share->median * factor << '\n';
    results << p.cell << ",swapped,0.01\n";
  }
  return run;
}

fit::Prediction first_share(const Plan& plan) { return plan.predictions.front().share.value(); }

TEST(EarlierLab, TeachesTheNextPlanWhichSaysSo) {
  const RunDirectory run = run_reaching(fresh_folder("earlier") + "/run", 0.85);
  PlanMachine taught = machine();
  taught.learned = learn_from(run, taught);
  EXPECT_EQ(taught.learned->run, run.path());
  EXPECT_EQ(taught.learned->cells, measured_cells(run).size());
  const Plan before = quick_plan(machine());
  const Plan after = quick_plan(taught);
  EXPECT_NEAR(first_share(after).median, 0.85 * first_share(before).median,
              0.05 * first_share(before).median);
  EXPECT_LT(first_share(after).p80.high - first_share(after).p80.low,
            first_share(before).p80.high - first_share(before).p80.low);
  EXPECT_THAT(learned_text(after.machine), testing::HasSubstr(run.path()));
  EXPECT_THAT(learned_text(before.machine), testing::HasSubstr("first values"));
  EXPECT_EQ(to_json(plan_from_json(to_json(after), "plan.json")), to_json(after));
}

TEST(EarlierLab, IsFoundForItsOwnMachineOnly) {
  const std::string folder = fresh_folder("earlier_found");
  const RunDirectory run = run_reaching(folder + "/run", 0.9);
  const auto learned = learn_from_latest({"no such folder", folder}, machine());
  ASSERT_TRUE(learned);
  EXPECT_EQ(learned->run, run.path());
  PlanMachine other = machine();
  other.threads += 1;
  EXPECT_FALSE(learn_from_latest({folder}, other));
}

TEST(EarlierLab, UnfinishedAndDamagedRunsArePassedOver) {
  const std::string folder = fresh_folder("earlier_damaged");
  RunDirectory::create(folder + "/unfinished").write_plan(quick_plan(machine()));
  const RunDirectory damaged = run_reaching(folder + "/damaged", 0.9);
  std::ofstream(damaged.results()) << "not a table of results\n";
  EXPECT_FALSE(learn_from_latest({folder}, machine()));
  EXPECT_THROW(measured_cells(damaged), Error);
}

TEST(EarlierLab, RunsThatMayNotBeBelievedArePassedOver) {
  const std::string folder = fresh_folder("earlier_checked");
  const RunDirectory old = run_reaching(folder + "/20260101", 0.9);
  const RunDirectory fresh = run_reaching(folder + "/20260102", 0.8);
  const auto learned = learn_from_latest({folder}, machine(), [&](const RunDirectory& run) {
    if (run.path() == fresh.path()) fail(ExitCode::integrity, "its ledger was changed");
  });
  ASSERT_TRUE(learned);
  EXPECT_EQ(learned->run, old.path());
}

// Shares of the first values' own model: every cell is told from the others, the two cells of one
// model together.
TEST(EarlierLab, EachCellIsToldFromTheOthers) {
  const RunDirectory run = run_reaching(fresh_folder("earlier_left_out") + "/run", 1);
  const std::vector<ToldCell> cells = leave_each_out(run);
  ASSERT_EQ(cells.size(), measured_cells(run).size());
  for (const ToldCell& cell : cells) {
    EXPECT_EQ(cell.trials, 1U) << cell.cell;
    EXPECT_EQ(cell.type_taught, cell.cell.ends_with("Q4_K_M")) << cell.cell;
    EXPECT_NEAR(cell.error(), 0, 0.01) << cell.cell;
    EXPECT_LT(cell.predicted.p80.low, cell.predicted.median);
  }
}

// The memory's rate beside each trial counts: the same times are another share where it was slower.
TEST(EarlierLab, SharesCountAtTheMemorysRateOfTheirTime) {
  const Plan plan = quick_plan(machine());
  const RunDirectory run = RunDirectory::create(fresh_folder("earlier_rates") + "/run");
  run.write_plan(plan);
  std::ofstream results(run.results());
  results << "cell,excluded,share_of_ceiling,memory_gb_per_s\n";
  for (const CellPrediction& p : plan.predictions) {
    for (const char* trial : {"0.80,20", "0.82,22", "0.84,24"})
      results << p.cell << ",," << trial << '\n';
  }
  results.close();
  for (const MeasuredCell& cell : measured_cells(run)) {
    EXPECT_EQ(cell.trials, 3U);
    EXPECT_DOUBLE_EQ(cell.share.share, 0.82);
    EXPECT_DOUBLE_EQ(cell.share.read.value, 22e9);
    EXPECT_NEAR(cell.share.log_sd, 1.2533 * 0.0244 / std::sqrt(3.0), 1e-3);
  }
}

TEST(EarlierLab, PlansOfEarlierVersionsLearnedOneFactor) {
  Plan plan = quick_plan(machine());
  plan.machine.learned = Learned{.run = "runs/a", .created = "2026", .cells = 1, .calibration = {}};
  plan.machine.learned->calibration.stream = 1.2;
  nlohmann::json json = to_json(plan);
  json["machine"]["learned"].erase("unpack");
  EXPECT_DOUBLE_EQ(plan_from_json(json, "plan.json").machine.learned->calibration.unpack, 1.2);
}

TEST(EarlierLab, UnknownTypesInAPlanAreNamed) {
  Plan plan = quick_plan(machine());
  plan.machine.learned = Learned{.run = "runs/a", .created = "2026", .cells = 1, .calibration = {}};
  nlohmann::json json = to_json(plan);
  json["machine"]["learned"]["types"]["Q9_K"] = 1.0;
  EXPECT_THROW(plan_from_json(json, "plan.json"), Error);
}

}  // namespace
}  // namespace ceiling::lab
