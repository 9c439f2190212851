// Where the time of a step goes, by kind of operation: measured apart from the speed tests, since
// looking costs time.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/speed_run.h"

namespace ceiling::cli {

struct StepProfile {
  SpeedTest test;
  std::uint32_t steps = 0;
  Seconds time;                       // of all steps together
  std::vector<ProfileEntry> entries;  // of all steps together, slowest first
  double accounted() const;           // share of the time that the entries explain
};

// Runs the test's work once more with the device's profiler on: a whole prompt, or 16 decode steps.
StepProfile profile_steps(Session& session, const SpeedTest& test, std::uint64_t seed);

// A table: time, share, GB/s with its share of `ceiling`, 1e9 operations a second.
std::string to_text(const StepProfile& profile, BytesPerSecond ceiling);
nlohmann::ordered_json to_json(const StepProfile& profile, BytesPerSecond ceiling);

}  // namespace ceiling::cli
