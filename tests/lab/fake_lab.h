// A lab on a machine of known truth, for tests: no model, no clock, no process.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lab/analysis/elasticity.h"
#include "lab/ledger/directory.h"
#include "lab/ledger/ledger.h"
#include "lab/plan/plan.h"
#include "lab/protocol/run.h"
#include "lab/protocol/trial_runner.h"

namespace ceiling::lab {

// Three cells (one real, two synthetic), two blocks more than one, predictions by program and user.
// The model files are small ones in the test's own folder.
Plan fake_plan(std::size_t blocks = 5);

// The same with cells that test all hypotheses, their controls and an A/A pair.
Plan hypothesis_plan(std::size_t blocks = 5);

// The cells of fake_plan once more on "cuda", beside the CPU's.
Plan device_plan(std::size_t blocks = 5);

// All cells on "cuda", with those that test what can be tested there, and their controls.
Plan device_hypothesis_plan(std::size_t blocks = 5);

// A fresh folder for one test; what an earlier run of it left is removed.
std::string fresh_folder(const std::string& name);

// Trials of a machine whose memory reads 30 GB/s (a device's own 3000) and whose decode reaches a
// known share of it.
class FakeRunner : public TrialRunner {
 public:
  TrialResult run(const Cell& cell, const std::string& model_path) override;

  std::map<std::string, double> share_of_cell;        // by id; 0.8 where absent
  std::map<std::string, LocalSlopes> slopes_of_cell;  // of treated cells, by id
  double added_rate = 0.95;  // of bytes added beyond the local doses, over the memory's
  std::function<void(std::size_t trial, TrialResult&)> alter;  // may throw in place of a result
  std::size_t started = 0;
};

class SilentObserver : public RunObserver {
 public:
  void preparing(const std::string&, std::uint64_t, std::uint64_t) override {}
  void trial_begins(const Slot&, const Cell&, std::size_t, std::size_t) override {}
  void trial_ended(double) override {}
  void note(const std::string& text) override { notes.push_back(text); }
  std::vector<std::string> notes;
};

// Writes, seals and runs the plan in a fresh folder; returns it finished and revealed.
RunDirectory finished_run(const std::string& name, const Plan& plan, FakeRunner& runner);

}  // namespace ceiling::lab
