// Starts trials. The lab knows only this: tests put in a machine of known truth, other engines
// theirs.
#pragma once

#include <string>

#include "lab/plan/cell.h"
#include "lab/trial/trial.h"

namespace ceiling::lab {

class TrialRunner {
 public:
  virtual ~TrialRunner() = default;
  // One trial in a fresh process. Throws Error(failed) with the reason if it gave no result, and
  // Error(interrupted) if the user asked to stop.
  virtual TrialResult run(const Cell& cell, const std::string& model_path) = 0;
};

// `ceiling trial --cell JSON` of this very program.
class ProcessTrialRunner : public TrialRunner {
 public:
  TrialResult run(const Cell& cell, const std::string& model_path) override;
};

// The two ends of that command line: what the parent passes, what the child prints.
std::string trial_request(const Cell& cell, const std::string& model_path);
std::string answer_trial_request(const std::string& request);

}  // namespace ceiling::lab
