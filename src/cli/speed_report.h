// What `bench` found: for people and for programs (docs/formats.md describes the JSON).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/load_test.h"
#include "cli/speed_test.h"
#include "cli/step_profile.h"
#include "fit/placed_decode.h"
#include "os/memory.h"
#include "probe/machine.h"

namespace ceiling::cli {

struct ThreadResult {
  unsigned threads = 0;
  std::string device;  // "2 threads, AVX-512 VNNI"
  Seconds load;        // from the file's name to ready
  SpeedResult speed;
  std::optional<fit::PlacedPrediction> predicted;  // of decode where something spills
};

struct SpeedReport {
  std::shared_ptr<const Model> model;
  std::string model_sha256;  // empty: not asked for
  probe::Machine machine;
  SessionOptions options;
  std::uint64_t seed = 0;
  std::string probe_kernel;
  unsigned probe_threads = 0;
  std::string probe_region;       // "the model's mapping"
  bool probe_from_memory = true;  // what it read is larger than the caches
  std::optional<LoadReport> load;
  std::vector<ThreadResult> results;
  std::vector<StepProfile> profiles;
  std::uint64_t kv_bytes = 0;
  std::uint64_t workspace_bytes = 0;
  std::uint64_t copied_bytes = 0;  // of weights
  Upload upload;
  Placement placement;
  std::optional<Placement> prompt_placement;  // where prompts run in another way
  std::string spill_reason;                   // what rates chose; empty: nothing to choose
  fit::UnitRates rates;                       // where something spills
  os::ProcessMemory memory;

  BytesPerSecond ceiling() const;  // the median of all slices
};

std::string to_text(const SpeedReport& report);
nlohmann::ordered_json to_json(const SpeedReport& report);

}  // namespace ceiling::cli
