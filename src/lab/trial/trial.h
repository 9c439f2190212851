// What one trial measured: a fresh process that loads one cell's model and times three clocks.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lab/plan/treatment.h"
#include "lab/trial/device_conditions.h"
#include "lab/trial/device_record.h"

namespace ceiling::lab {

class Fields;

// A short reading of the same memory between tokens, outside the decode clock.
struct ProbeSlice {
  std::uint32_t after_token = 0;  // tokens decoded before it
  std::uint64_t bytes = 0;
  double seconds = 0;
};

// What the machine did during the trial: differences of two snapshots. Absent: not shown here.
struct TrialConditions {
  double elapsed_s = 0;
  double slept_s = 0;
  double clock_jump_s = 0;
  std::optional<double> steal_share;              // of our processors' time
  std::optional<double> others_share;             // other processes, of our processors' time
  std::optional<double> others_share_resolution;  // counted in clock ticks: this much may be none
  std::optional<double> load_1min;
  std::optional<double> memory_stall_s, cpu_stall_s;
  std::optional<double> major_faults, refaults, swap_in_pages, swap_out_pages;
  std::optional<double> frequency_mhz, temperature_c;
  std::optional<double> throttle_events;
  std::optional<DeviceConditions> device = {};  // of the one that the cell runs on
};

// Time of one kind of operation in a decode step, from steps after the clock had stopped.
struct ProfilePart {
  std::string label;
  double seconds_per_token = 0;
  double bytes_per_token = 0;
};

// How full the memory was that a trial was allowed, and what that did.
struct FilledMemory {
  std::uint64_t limit_bytes = 0;
  std::uint64_t working_set_bytes = 0;  // the file's pages and what the process holds besides
  // Of the file's pages: to the trial's own group, or in memory; of a device: weights copied to it.
  std::uint64_t charged_bytes = 0;
  std::uint64_t ballast_bytes = 0;  // locked away from the machine; 0: a group was limited
  std::uint64_t refaults = 0;       // pages read again after they were pushed out, in decode
};

// Counted by a meter of the machine over the plain decode, without the readings between tokens.
struct DrawnEnergy {
  std::string what;  // "processor", "memory", "platform", "GPU"
  double joules = 0;
};

// Decode where the tokens were not timed one by one.
struct DecodeTotal {
  std::uint64_t tokens = 0;
  double seconds = 0;
};

// Of another engine's trial, members that it cannot measure are 0 or empty, and absent in JSON.
struct TrialResult {
  std::string cell;
  std::string engine;                // what another engine says of itself; empty: this program
  std::vector<std::string> missing;  // what it could not measure or control, in words
  std::string device;                // "2 threads, AVX-512 VNNI"
  std::string residency;             // of the weights: "shared"
  unsigned threads = 0;
  std::uint64_t file_bytes = 0;
  double cached_share = 0;  // of the file, in the page cache before the trial (and after eviction)
  double touch_s = 0;       // reading its pages in, before any clock
  double load_s = 0;        // from file to ready; of a cold load, with all its pages read
  std::uint32_t prompt_tokens = 0;
  double prefill_s = 0;
  double first_token_s = 0;  // from the prompt to the first token's choice
  double prefill_operations = 0;
  std::uint64_t prefill_bytes = 0;
  std::vector<double> token_s;          // of each token after the first
  std::optional<DecodeTotal> total;     // of another engine, in place of token_s
  std::uint64_t decode_read_bytes = 0;  // of all of them (model/cost)
  double decode_operations = 0;
  std::vector<ProbeSlice> slices;
  std::vector<ProfilePart> profile;
  std::vector<TreatedStep> treated;  // of a cell with treatments, after its plain decode
  std::vector<CycleReading> treated_memory;
  std::optional<FilledMemory> filled;      // of a cell that fills memory
  std::vector<DrawnEnergy> energy;         // of each kind of meter that may be read here
  std::optional<DeviceRecord> own_memory;  // of a device that has some
  std::uint64_t resident_bytes = 0;
  TrialConditions conditions;

  bool probed() const { return !slices.empty(); }  // there is a ceiling to hold it against
  double decoded_tokens() const;
  double decode_s() const;
  double tokens_per_s() const;
  double bytes_per_token() const;
  double probe_bytes_per_s() const;  // all slices together; not a number without any
  double share() const;              // of the ceiling: decode bytes/s over probe bytes/s
};

// Reading throws Error(integrity) for anything that no trial can have measured.
nlohmann::json to_json(const TrialResult& result);
TrialResult trial_from_json(const Fields& fields);

}  // namespace ceiling::lab
