#include "lab/ledger/earlier_lab.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "fit/table.h"
#include "lab/planning/models.h"
#include "lab/planning/planner.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders_within(const std::string& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (fs::exists(entry.path() / "plan.json") && fs::exists(entry.path() / "results.csv")) {
      out.push_back(entry.path());
    }
  }
  std::ranges::sort(out, std::greater());  // names begin with the time: the latest first
  return out;
}

bool same_machine(const PlanMachine& a, const PlanMachine& b) {
  return a.cpu == b.cpu && a.threads == b.threads && a.memory_bytes == b.memory_bytes;
}

// What the trials of one cell that count showed.
struct Trials {
  std::vector<double> shares, memory_gb_per_s;
};

double middle(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Standard error of the median's logarithm; 0 where one trial cannot tell.
double median_log_sd(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    sum += std::log(value);
    squares += std::pow(std::log(value), 2);
  }
  constexpr double kMedianOverMean = 1.2533141373155001;  // of normal values: sqrt(pi / 2)
  const double variance = std::max(0.0, squares - sum * sum / n) / (n - 1);
  return kMedianOverMean * std::sqrt(variance / n);
}

std::map<std::string, Trials, std::less<>> trials_by_cell(const RunDirectory& run) {
  const fit::Table results = fit::Table::parse(os::read_file(run.results()), run.results());
  results.require({"cell", "excluded", "share_of_ceiling"});
  std::map<std::string, Trials, std::less<>> out;
  for (const fit::TableRow& row : results.rows()) {
    if (!results.cell(row, "excluded").empty()) continue;
    const auto share = results.positive(row, "share_of_ceiling");
    if (!share) continue;
    Trials& trials = out[std::string(results.cell(row, "cell"))];
    trials.shares.push_back(*share);
    if (const auto rate = results.positive(row, "memory_gb_per_s")) {
      trials.memory_gb_per_s.push_back(*rate);
    }
  }
  return out;
}

}  // namespace

std::vector<MeasuredCell> measured_cells(const RunDirectory& run) {
  const Plan plan = run.read_plan();
  const auto by_cell = trials_by_cell(run);
  std::vector<MeasuredCell> out;
  for (const Cell& cell : plan.cells) {
    if (cell.work != Work::decode || !cell.own() || !cell.on_cpu()) continue;
    const auto found = by_cell.find(cell.id);
    if (found == by_cell.end()) continue;
    const auto& [shares, memory] = found->second;
    const double gb_per_s = memory.empty() ? 0 : middle(memory);
    out.push_back({.cell = cell,
                   .trials = shares.size(),
                   .share = {.program = cell_program(cell),
                             .depth = cell.prompt_tokens,
                             .count = cell.most_tokens,
                             .share = middle(shares),
                             .read = {gb_per_s * 1e9},
                             .log_sd = median_log_sd(shares)}});
  }
  if (out.empty()) {
    fail(ExitCode::usage, "'{}' holds no trial that can be used: give the folder of a lab run",
         printable(run.path(), 100));
  }
  return out;
}

Learned learn_from(const RunDirectory& run, const PlanMachine& machine) {
  std::vector<fit::MeasuredShare> shares;
  for (MeasuredCell& one : measured_cells(run)) shares.push_back(std::move(one.share));
  return {.run = printable(run.path(), 200),
          .created = run.read_plan().created,
          .cells = shares.size(),
          .calibration = fit::calibrate(shares, rates_of(machine))};
}

std::optional<Learned> learn_from_latest(const std::vector<std::string>& folders,
                                         const PlanMachine& machine, const RunCheck& check) {
  std::optional<Learned> latest;
  for (const std::string& folder : folders) {
    for (const fs::path& path : folders_within(folder)) {
      try {
        const RunDirectory run = RunDirectory::open(path.string());
        const Plan plan = run.read_plan();
        if (!same_machine(plan.machine, machine)) continue;
        if (latest && plan.created <= latest->created) continue;
        if (check) check(run);
        latest = learn_from(run, machine);
      } catch (const Error&) {
        continue;  // unfinished, damaged or of other work: it teaches nothing
      }
    }
  }
  return latest;
}

std::string learned_text(const PlanMachine& machine) {
  if (!machine.learned) return "rest on first values: no earlier lab of this machine was found";
  const Learned& learned = *machine.learned;
  return fmt::format("start from the lab of {} in {} ({} cells)", learned.created, learned.run,
                     learned.cells);
}

}  // namespace ceiling::lab
