// `ceiling probe`: what this machine can do, measured, and how far to trust it.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "os/conditions.h"
#include "probe/machine.h"
#include "probe/measure.h"
#include "probe/unit_reading.h"

namespace ceiling::probe {

struct Options {
  unsigned threads = 0;  // the most to use; 0: os::default_threads()
  std::string file;      // also read this file through its mapping; empty: none
  bool quick = false;    // a quarter of the time, less certain
};

// Something that makes the readings less certain, and what to do about it.
struct Warning {
  std::string what;
  std::string remedy;
};

struct FileReading {
  std::string path;
  Bytes size;
  BandwidthReading bandwidth;
};

struct Report {
  Machine machine;
  os::Conditions before;
  os::Conditions after;
  Bytes wanted_region;                   // what a reading of memory should cover
  std::vector<BandwidthReading> memory;  // anonymous memory; threads ascending
  std::optional<FileReading> file;
  std::vector<UnitReading> units;       // other readers of memory
  std::vector<ComputeReading> compute;  // for one thread, then for all
  std::vector<Warning> warnings;
};

// Measures for some seconds. `progress` (optional) is told what is measured now, and how many of
// how many steps are done. Throws Error(usage) for more threads than processors, Error(failed) for
// the file.
using OnProgress = std::function<void(const std::string& what, unsigned done, unsigned of)>;
Report run(const Options& options, const OnProgress& progress = {});

// What in the report deserves caution (report.warnings of run() are these).
std::vector<Warning> warnings_of(const Report& report);

// For people: at most some 30 lines of 80 columns; `bold` marks the answer on a terminal.
std::string to_text(const Report& report, bool bold);

// For programs: every reading; docs/formats.md describes it.
nlohmann::ordered_json to_json(const Report& report);

}  // namespace ceiling::probe
