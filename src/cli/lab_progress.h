// What a person sees of a running lab: one line on a terminal, drawn between trials only.
#pragma once

#include <chrono>
#include <string>

#include "lab/protocol/run.h"

namespace ceiling::cli {

class LabProgress : public lab::RunObserver {
 public:
  explicit LabProgress(double estimate_s);
  ~LabProgress() override;
  void preparing(const std::string& what, std::uint64_t done, std::uint64_t total) override;
  void trial_begins(const lab::Slot& slot, const lab::Cell& cell, std::size_t done,
                    std::size_t total) override;
  void trial_ended(double seconds) override;
  void note(const std::string& text) override;

 private:
  void draw(const std::string& text);
  double estimate_s_;
  double trials_s_ = 0;
  std::size_t trials_ = 0;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_draw_;
};

}  // namespace ceiling::cli
