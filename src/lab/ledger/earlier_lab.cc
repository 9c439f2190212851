#include "lab/ledger/earlier_lab.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <system_error>

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

}  // namespace

std::vector<fit::MeasuredShare> measured_shares(const RunDirectory& run,
                                                const std::vector<std::string>& without) {
  const Plan plan = run.read_plan();
  const fit::Table results = fit::Table::parse(os::read_file(run.results()), run.results());
  results.require({"cell", "excluded", "share_of_ceiling"});
  std::map<std::string, std::vector<double>, std::less<>> shares;
  for (const fit::TableRow& row : results.rows()) {
    if (!results.cell(row, "excluded").empty()) continue;
    if (const auto share = results.positive(row, "share_of_ceiling")) {
      shares[std::string(results.cell(row, "cell"))].push_back(*share);
    }
  }
  std::vector<fit::MeasuredShare> out;
  for (const Cell& cell : plan.cells) {
    if (cell.work != Work::decode || !cell.own() || !cell.on_cpu()) continue;
    if (std::ranges::find(without, cell.id) != without.end()) continue;
    const auto found = shares.find(cell.id);
    if (found == shares.end()) continue;
    std::vector<double>& values = found->second;
    std::ranges::sort(values);
    out.push_back(
        {cell_program(cell), cell.prompt_tokens, cell.most_tokens, values[values.size() / 2]});
  }
  if (out.empty()) {
    fail(ExitCode::usage, "'{}' holds no trial that can be used: give the folder of a lab run",
         printable(run.path(), 100));
  }
  return out;
}

Learned learn_from(const RunDirectory& run, const PlanMachine& machine,
                   const std::vector<std::string>& without) {
  const std::vector<fit::MeasuredShare> shares = measured_shares(run, without);
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
