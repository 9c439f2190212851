// What will be done and what is expected, written down before anything runs.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fit/decode_prediction.h"
#include "fit/prediction.h"
#include "lab/plan/cell.h"
#include "lab/plan/design.h"
#include "lab/plan/plan_device.h"

namespace ceiling::lab {

// What one side expects of a cell, in tokens/s.
struct CellPrediction {
  std::string cell;
  std::string by;  // "program" or "user"
  double median = 0;
  std::optional<fit::Interval> p80, p95;  // absent: only a point was given
  std::optional<fit::Prediction> share;   // of the ceiling at the time of the run
};

// What a meter at the wall can show of a computer.
inline constexpr double kLeastWatts = 0.1, kMostWatts = 1e6;

// What an earlier lab of this machine taught the program: sealed with the predictions made of it.
struct Learned {
  std::string run;        // its folder
  std::string created;    // when it was planned
  std::size_t cells = 0;  // whose shares of the ceiling it is from
  fit::Calibration calibration;
};

// The machine as the planner saw it. Unknown rates are 0.
struct PlanMachine {
  std::string cpu;
  std::string system;
  unsigned threads = 1;
  std::uint64_t memory_bytes = 0;
  double read_gb_per_s = 0;           // median of the probe
  fit::Interval read_gb_per_s_range;  // its 5 % and 95 % quantiles
  double fma_gflop_per_s = 0, int8_gop_per_s = 0;
  std::optional<double> wall_watts;  // typed in: what a meter at the wall shows while it decodes
  std::optional<Learned> learned;
  std::vector<PlanDevice> devices = {};  // that cells run on, besides the CPU

  const PlanDevice* find(std::string_view device) const;
};

// Of a trial on another device than the CPU, besides.
struct DeviceExclusions {
  double slowed_share_above = 0;  // of the looks: clocks lowered by heat or the board's power
  double other_processes_above = 0;
  double uncorrected_errors_above = 0;
};

// A trial during which one of these happened is excluded, whatever it measured.
struct Exclusions {
  double others_share_above = 0.02;  // other processes, of our processors' time
  double swap_in_pages_above = 0;
  double throttle_events_above = 0;
  double slept_s_above = 0.5;      // the machine was suspended
  double clock_jump_s_above = 1;   // the wall clock was set
  double no_verdict_above = 0.10;  // share of excluded trials beyond which nothing is decided
  std::optional<DeviceExclusions> device = {};  // where the plan has cells on devices
};

struct Hypothesis {
  std::string id;         // "H1"
  std::string claim;      // in words
  std::string threshold;  // what supports and what refutes it, frozen here
  std::string untested;   // why this run does not decide it; empty: it does
};

struct LeftOut {
  std::string what, why;
};

struct Plan {
  std::string kind = "custom";  // "quick", "standard", "custom"
  std::string created;          // "2026-11-24T10:02:03Z"
  std::string program_version;
  PlanMachine machine;
  std::uint64_t seed = 1;
  std::size_t blocks = 5;
  std::vector<std::size_t> extensions;  // numbers of blocks to go on to (extension.h)
  std::vector<Cell> cells;
  std::size_t reference = 0;  // the cell that opens and closes each block
  std::vector<CellPrediction> predictions;
  std::vector<Hypothesis> hypotheses;
  Design design;
  Thresholds thresholds;
  Exclusions exclusions;
  std::vector<LeftOut> left_out;
  double estimate_s = 0;

  const Cell* find(std::string_view cell) const;
  std::vector<std::string> devices() const;  // of its cells, each once, in their order
  // On which the cells of the design run: one device for all. The CPU where nothing is tested.
  std::string tested_device() const;
  std::size_t trials(std::size_t of_blocks) const;  // without repeats
  // The cells in the order of trials (schedule.h).
  std::vector<std::vector<std::size_t>> schedule() const;       // of `blocks`
  std::vector<std::vector<std::size_t>> full_schedule() const;  // with every extension
};

// Plan files have the format "ceiling-plan/1". Reading throws Error(integrity) that names the
// member; a written plan reads back the same.
nlohmann::json to_json(const Plan& plan);
Plan plan_from_json(const nlohmann::json& value, const std::string& label);

}  // namespace ceiling::lab
