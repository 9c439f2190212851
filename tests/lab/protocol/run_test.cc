#include "lab/protocol/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"
#include "lab/protocol/verify.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;

RunDirectory sealed_plan(const std::string& name, const Plan& plan) {
  const RunDirectory directory = RunDirectory::create(fresh_folder(name));
  directory.write_plan(plan);
  seal_plan(directory);
  return directory;
}

std::vector<std::string> cells_in_order(const Plan& plan, const Replay& state) {
  std::vector<std::string> ids;
  for (const TrialRecord& trial : state.trials) ids.push_back(plan.cells[trial.cell].id);
  return ids;
}

std::vector<std::string> sealed_order(const Plan& plan) {
  std::vector<std::string> ids;
  for (const auto& block : plan.schedule()) {
    for (const std::size_t cell : block) ids.push_back(plan.cells[cell].id);
  }
  return ids;
}

TEST(Run, FollowsTheSealedOrderAndWritesItsFiles) {
  const Plan plan = fake_plan();
  FakeRunner runner;
  const RunDirectory directory = finished_run("order", plan, runner);
  const OpenedRun run = open_run(directory);
  EXPECT_EQ(run.state.stage, Stage::revealed);
  EXPECT_EQ(cells_in_order(plan, run.state), sealed_order(plan));
  EXPECT_EQ(runner.started, 20U);  // 5 blocks of 3 cells, the reference twice
  for (const std::string& path : {directory.results(), directory.markdown(), directory.html()}) {
    EXPECT_TRUE(std::filesystem::exists(path)) << path;
  }
  EXPECT_EQ(run.state.models.size(), 3U);
}

TEST(Run, NothingIsShownBeforeItIsFinished) {
  const RunDirectory directory = sealed_plan("unfinished", fake_plan());
  for (const auto& ask : {+[](const RunDirectory& d) { reveal(d); }}) {
    try {
      ask(directory);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::refused);
      EXPECT_THAT(error.what(), HasSubstr("0 of 20 trials"));
    }
  }
  EXPECT_FALSE(std::filesystem::exists(directory.html()));
  EXPECT_FALSE(verify(directory).finished);
  EXPECT_TRUE(verify(directory).problems.empty());
}

// Interrupted again and again, the run comes to the same order and the same results.
TEST(Run, GoesOnAfterEveryInterruption) {
  const Plan plan = fake_plan(3);
  const RunDirectory directory = sealed_plan("resume", plan);
  std::size_t runs = 0;
  for (bool done = false; !done; ++runs) {
    FakeRunner runner;
    runner.alter = [](std::size_t trial, TrialResult&) {
      if (trial == 2) fail(ExitCode::interrupted, "interrupted by the user");
    };
    SilentObserver observer;
    try {
      run_sealed(directory, runner, observer);
      done = true;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::interrupted);
    }
    ASSERT_LT(runs, 20U);
  }
  const OpenedRun run = open_run(directory);
  EXPECT_EQ(cells_in_order(plan, run.state), sealed_order(plan));
  EXPECT_EQ(run.state.aborts.size(), runs - 1);
  EXPECT_EQ(run.state.notes.size(), runs - 1);  // each resumption is told
  EXPECT_TRUE(verify(directory).problems.empty());
}

// As after kill -9: the ledger ends in a trial that was begun, perhaps in half a line.
TEST(Run, GoesOnAfterBeingKilled) {
  const Plan plan = fake_plan(2);
  const RunDirectory directory = sealed_plan("killed", plan);
  {
    FakeRunner runner;
    SilentObserver observer;
    run_sealed(directory, runner, observer);
  }
  const std::string whole = os::read_file(directory.ledger());
  for (const std::string& path : {directory.results(), directory.markdown(), directory.html()}) {
    std::filesystem::remove(path);
  }
  // Cut after every 37th byte of the trials' part: wherever a machine may have stopped.
  const std::size_t first = whole.find("\"type\":\"started\"");
  for (std::size_t end = first + 200; end < whole.size(); end += 1637) {
    os::write_file(directory.ledger(), whole.substr(0, end));
    FakeRunner runner;
    SilentObserver observer;
    run_sealed(directory, runner, observer);
    const OpenedRun run = open_run(directory);
    EXPECT_EQ(cells_in_order(plan, run.state), sealed_order(plan));
    EXPECT_TRUE(verify(directory).problems.empty()) << "cut at " << end;
    EXPECT_FALSE(run.state.notes.empty()) << "the ledger must tell of it; cut at " << end;
  }
}

TEST(Run, AnExcludedTrialIsRepeatedOnceAndBothAreKept) {
  const Plan plan = fake_plan(2);
  FakeRunner runner;
  runner.alter = [](std::size_t trial, TrialResult& result) {
    if (trial == 1) result.conditions.others_share = 0.5;
  };
  const RunDirectory directory = finished_run("excluded", plan, runner);
  const OpenedRun run = open_run(directory);
  ASSERT_EQ(run.state.trials.size(), 9U);
  EXPECT_THAT(run.state.trials[1].excluded.at(0), HasSubstr("other processes took 50.0 %"));
  const TrialRecord& repeat = run.state.trials[4];  // after the block's four
  EXPECT_TRUE(repeat.slot.repeat);
  EXPECT_EQ(repeat.cell, run.state.trials[1].cell);
  EXPECT_EQ(repeat.slot.slot, run.state.trials[1].slot.slot);
  EXPECT_TRUE(verify(directory).problems.empty());
}

// Events of a device exclude its trials, and never the CPU's.
TEST(Run, WhatHappensToADeviceExcludesItsTrials) {
  const Plan plan = device_plan(2);
  FakeRunner runner;
  runner.alter = [](std::size_t trial, TrialResult& result) {
    if (!result.conditions.device) return;
    if (trial < 7) result.conditions.device->slowed_share = 0.25;
    if (trial > 12) result.conditions.device->other_processes = 1;
  };
  const RunDirectory directory = finished_run("device_excluded", plan, runner);
  const OpenedRun run = open_run(directory);
  std::size_t slowed = 0, shared = 0;
  for (const TrialRecord& trial : run.state.trials) {
    EXPECT_TRUE(trial.excluded.empty() || !plan.cells[trial.cell].on_cpu());
    if (trial.excluded.empty()) continue;
    slowed +=
        trial.excluded[0].find("lowered by heat or its power supply at 25 %") != std::string::npos;
    shared +=
        trial.excluded[0].find("1 other processes had work on the device") != std::string::npos;
  }
  EXPECT_EQ(slowed, 3U);
  EXPECT_GT(shared, 0U);
  EXPECT_TRUE(verify(directory).problems.empty());
}

TEST(Run, GoingOnBesideAnotherDeviceIsTold) {
  const Plan plan = device_plan(2);
  FakeRunner runner;
  runner.alter = [](std::size_t trial, TrialResult& result) {
    if (trial > 6 && result.own_memory) result.device = "Another GPU";
  };
  const RunDirectory directory = finished_run("another_device", plan, runner);
  const OpenedRun run = open_run(directory);
  ASSERT_EQ(run.state.notes.size(), 1U);
  EXPECT_EQ(run.state.notes[0].text,
            "cuda is another device than before: Another GPU; before: Test GPU");
  EXPECT_TRUE(verify(directory).problems.empty());
}

TEST(Run, EverythingExcludedStillEnds) {
  FakeRunner runner;
  runner.alter = [](std::size_t, TrialResult& result) { result.conditions.swap_in_pages = 4; };
  const RunDirectory directory = finished_run("all_excluded", fake_plan(2), runner);
  EXPECT_EQ(open_run(directory).state.trials.size(), 16U);  // each repeated once, not for ever
}

TEST(Run, ACellThatFailsTwiceIsLeftOutAndTheRestGoesOn) {
  const Plan plan = fake_plan(3);
  const RunDirectory directory = sealed_plan("dropped", plan);
  class Failing : public FakeRunner {
   public:
    TrialResult run(const Cell& cell, const std::string& path) override {
      if (cell.id == "7B-Q4_K_M") fail(ExitCode::failed, "out of memory");
      return FakeRunner::run(cell, path);
    }
  } runner;
  SilentObserver observer;
  run_sealed(directory, runner, observer);
  const OpenedRun run = open_run(directory);
  EXPECT_EQ(run.state.dropped, std::vector<std::size_t>{2});
  EXPECT_EQ(run.state.aborts.size(), 2U);
  EXPECT_EQ(run.state.trials.size(), 9U);
  EXPECT_THAT(run.state.notes.back().text, HasSubstr("out of memory"));
  EXPECT_TRUE(verify(directory).problems.empty());
}

TEST(Run, AModelFileThatChangesStopsIt) {
  const Plan plan = fake_plan(2);
  const RunDirectory directory = sealed_plan("model_changed", plan);
  const std::string model = std::get<FileModel>(plan.cells[1].model).file;
  FakeRunner runner;
  runner.alter = [&](std::size_t trial, TrialResult&) {
    if (trial == 3) os::write_file(model, "other weights, longer than before");
  };
  SilentObserver observer;
  try {
    run_sealed(directory, runner, observer);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    EXPECT_THAT(error.what(), HasSubstr("fake_model_1B-Q8_0"));
  }
  EXPECT_THAT(open_run(directory).state.notes.back().text, HasSubstr("changed"));
  // Put back, the run goes on to its end.
  fake_plan();
  FakeRunner again;
  run_sealed(directory, again, observer);
  EXPECT_TRUE(open_run(directory).state.finished());
}

// A disk that is full in the middle of a block: the run stops with the cause, nothing on record is
// lost, and with room again it goes on.
TEST(Run, AFullDiskStopsItAndLosesNothing) {
  const Plan plan = fake_plan(2);
  const RunDirectory directory = sealed_plan("disk_full", plan);
  const std::string kept = directory.ledger() + ".kept";
  FakeRunner runner;
  runner.alter = [&](std::size_t trial, TrialResult&) {
    if (trial != 3) return;
    std::filesystem::rename(directory.ledger(), kept);
    std::filesystem::create_symlink("/dev/full", directory.ledger());
  };
  SilentObserver observer;
  try {
    run_sealed(directory, runner, observer);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("ledger.jsonl"));
  }
  std::filesystem::rename(kept, directory.ledger());
  EXPECT_EQ(open_run(directory).state.trials.size(), 3U);
  FakeRunner again;
  run_sealed(directory, again, observer);
  const OpenedRun run = open_run(directory);
  EXPECT_EQ(cells_in_order(plan, run.state), sealed_order(plan));
  EXPECT_TRUE(verify(directory).problems.empty());
}

TEST(Run, AMachineThatSleptAndAClockThatJumpedAreNamed) {
  FakeRunner runner;
  runner.alter = [](std::size_t trial, TrialResult& result) {
    if (trial == 1) result.conditions.slept_s = 61;
    if (trial == 2) result.conditions.clock_jump_s = -3600;
  };
  const RunDirectory directory = finished_run("slept", fake_plan(2), runner);
  const OpenedRun run = open_run(directory);
  EXPECT_THAT(run.state.trials[1].excluded.at(0), HasSubstr("slept for 61.0 s"));
  EXPECT_THAT(run.state.trials[2].excluded.at(0), HasSubstr("clock jumped by -3600.0 s"));
  EXPECT_EQ(run.state.trials.size(), 10U);  // both repeated once, all kept
  EXPECT_TRUE(verify(directory).problems.empty());
}

TEST(Run, APlanChangedAfterSealingIsRefused) {
  Plan plan = fake_plan(2);
  const RunDirectory directory = sealed_plan("plan_changed", plan);
  plan.predictions[0].median = 99;
  directory.write_plan(plan);
  FakeRunner runner;
  SilentObserver observer;
  try {
    run_sealed(directory, runner, observer);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    EXPECT_THAT(error.what(), HasSubstr("not the plan that was sealed"));
  }
  EXPECT_EQ(runner.started, 0U);
}

TEST(Run, ASecondRunInOneFolderIsRefused) {
  const RunDirectory directory = sealed_plan("twice", fake_plan(2));
  EXPECT_THROW(RunDirectory::create(directory.path()), Error);
  EXPECT_THROW(seal_plan(directory), Error);
  const auto held = directory.lock();
  FakeRunner runner;
  SilentObserver observer;
  try {
    run_sealed(directory, runner, observer);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::refused);
  }
}

}  // namespace
}  // namespace ceiling::lab
