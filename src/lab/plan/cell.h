// One condition of a run: a model at a type on a device with a load. Measured once in every block.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lab/plan/treatment.h"
#include "lab/plan/trial_engine.h"

namespace ceiling::lab {

class Fields;

inline constexpr std::string_view kCpu = "cpu";

// A model file as it is: a path, or a bare name in the models' folder of the cache.
struct FileModel {
  std::string file;
  bool operator==(const FileModel&) const = default;
};

// Seeded weights of a real shape: good for speed, says nothing of quality.
// Of the id of a cell that runs under a second label: the A/A pair.
inline constexpr std::string_view kTwinSuffix = "-twin";

struct SyntheticModel {
  std::string shape;   // "7B"; "nothing": a model shrunk to its overhead
  std::string recipe;  // "Q4_K_M"
  std::uint64_t seed = 1;
  std::uint32_t vocabulary = 49152;
  bool operator==(const SyntheticModel&) const = default;
};

// What a trial of a cell measures.
enum class Work {
  decode,      // pages in memory before every clock
  cold_load,   // from a file that was evicted from the page cache until its weights are in memory
  treatments,  // decode steps with bytes, arithmetic or sequences added, alternating in a process
  fill,        // decode while the working set takes a given share of the memory that is allowed
};

// What makes the memory little for a cell of Work::fill.
enum class FillBy {
  group,    // a limit on the trial's own control group: nothing else is pressed
  ballast,  // memory locked away from the whole machine: its owner must have asked for it
  budget,   // a limit on the memory of its own that a device may use: the rest runs on the CPU
};

// What a plan may limit a device's memory to.
inline constexpr std::uint64_t kLeastLimitBytes = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kMostLimitBytes = std::uint64_t{1} << 50;

struct Cell {
  std::string id;    // "7B-Q4_K_M": names the cell in plan, ledger and results
  std::string size;  // "7B": what a prediction may call it
  std::string type;  // "Q4_K_M"
  std::variant<FileModel, SyntheticModel> model;
  Work work = Work::decode;
  TrialEngine engine;  // another one measures decode only
  std::string device{kCpu};
  std::vector<Treatment> treatments;  // of Work::treatments
  double fill = 0;                    // of Work::fill: working set over allowed memory
  FillBy fill_by = FillBy::group;
  std::uint64_t limit_bytes = 0;  // of FillBy::budget, in place of `fill`: a smaller card's memory
  unsigned threads = 0;           // 0: the machine's default, filled in by the planner
  std::uint32_t prompt_tokens = 128;
  std::uint32_t least_tokens = 16;  // decoded, after the first
  std::uint32_t most_tokens = 64;
  double most_decode_s = 10;  // stops between least and most

  bool synthetic() const { return std::holds_alternative<SyntheticModel>(model); }
  bool own() const { return engine.own(); }  // run by this program
  bool on_cpu() const { return device == kCpu; }
  bool presses_host() const { return work == Work::fill && fill_by != FillBy::budget; }
  // "7B at Q4_K_M", "7B at Q4_K_M, cold", "7B at Q4_K_M, llama-bench"; on another device than the
  // CPU "7B at Q4_K_M on cuda".
  std::string title() const;
  std::string title_without_device() const;
};

std::string_view name(Work work);       // "decode", "cold-load"
std::string_view name(FillBy fill_by);  // "group", "ballast"

nlohmann::json to_json(const Cell& cell);
Cell cell_from_json(const Fields& fields);  // throws Error(integrity)

}  // namespace ceiling::lab
