// Published results, row by row: what was run, on what, and what the planner would have said.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fit/engine.h"
#include "fit/hardware.h"
#include "fit/speed_model.h"
#include "fit/table.h"
#include "fit/workload.h"

namespace ceiling::fit {

// "tg128", "pp512 @ d4096", "gen (eval rate)".
struct PublishedTest {
  bool prefill = false;
  std::uint32_t tokens = 128;
  std::uint32_t depth = 0;
};
std::optional<PublishedTest> read_test(std::string_view text);

// A file's bytes from "3.56 GiB", "636.18 MiB" or a bare number of GB. Empty: unreadable.
std::optional<double> read_file_size(std::string_view text);

// The cells of a row that go through to the answer.
struct RowNames {
  std::string hardware, engine, model, quant, test;
};

// A row that can be judged, with its counts.
struct Workload {
  const Hardware* hardware = nullptr;
  Engine engine;
  std::string model;  // of the catalogue, whose Program was counted
  std::variant<DecodeWork, PrefillWork> work;
  bool sized = false;  // the row states the file's bytes
};

struct PublishedRow {
  std::size_t number = 0;
  RowNames names;
  std::optional<double> measured;    // tokens/s; empty: broken or missing
  std::optional<Workload> workload;  // empty: cannot be judged
  std::string reason;                // why not
};

struct BrokenCell {
  std::size_t row = 0;
  std::string column, value, expected;
};

struct Published {
  std::vector<PublishedRow> rows;
  std::vector<BrokenCell> broken;
};

// Rows in the format of data/published.csv. A broken cell is named and makes its row one that
// cannot be judged; the others still are. Throws Error(integrity) as Table::parse, and for missing
// columns.
Published read_published(std::string_view csv, const std::string& label);

struct JudgedRow {
  const PublishedRow* row = nullptr;
  std::optional<Prediction> predicted;
  std::string reason;
  double error() const;  // predicted / measured - 1
};

std::vector<JudgedRow> judge(const Published& published, const SpeedModel& model);

// Figures over judged rows, each device counting once however many rows it has. Errors are
// absolute values of predicted / measured - 1.
struct PhaseSummary {
  std::size_t rows = 0, devices = 0;
  double median_error = 0, p90_error = 0;
  double coverage80 = 0, coverage80_error = 0;  // sampling error over devices
  double coverage95 = 0, coverage95_error = 0;
  double interval_score80 = 0;  // of the natural logarithm; Gneiting and Raftery 2007
};
PhaseSummary summarise(const std::vector<JudgedRow>& rows, bool prefill, bool experts);

nlohmann::ordered_json to_json(const Published& published, const std::vector<JudgedRow>& rows);
// The counts and conditions of every row that can be judged: what scripts/fit_speed.py reads.
nlohmann::ordered_json workloads_json(const Published& published);

}  // namespace ceiling::fit
