// ceiling compare: two or more finished runs of the lab, if they may be compared at all.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/commands.h"
#include "lab/exchange/compare.h"
#include "lab/protocol/protocol.h"
#include "lab/report/report.h"

namespace ceiling::cli {
namespace {

using nlohmann::json;

// A finished run, checked, with what its report is made of (which refers to the plan beside it).
class FinishedRun {
 public:
  explicit FinishedRun(const std::string& folder)
      : path(folder),
        run(lab::open_run(lab::RunDirectory::open(folder))),
        data((lab::require_finished(lab::RunDirectory::open(folder), run.plan, run.state),
              lab::gather(run.plan, run.ledger.entries()))) {}
  FinishedRun(const FinishedRun&) = delete;
  FinishedRun& operator=(const FinishedRun&) = delete;

  const std::string path;
  const lab::OpenedRun run;
  const lab::ReportData data;
};

json to_json(const lab::Estimate& e) {
  return {{"value", e.value}, {"low", e.low}, {"high", e.high}};
}

json to_json(const FinishedRun& a, const FinishedRun& b, const lab::Comparison& comparison) {
  json value = {
      {"a", a.path}, {"b", b.path}, {"differences", json::array()}, {"cells", json::array()}};
  for (const lab::Confounder& c : comparison.differences) {
    value["differences"].push_back(
        {{"variable", lab::name(c.variable)}, {"what", c.what}, {"a", c.a}, {"b", c.b}});
  }
  for (const lab::ComparedCell& cell : comparison.cells) {
    value["cells"].push_back({{"cell", a.run.plan.cells[cell.a].id},
                              {"synthetic", a.run.plan.cells[cell.a].synthetic()},
                              {"tokens_per_s_a", to_json(cell.speed_a)},
                              {"tokens_per_s_b", to_json(cell.speed_b)},
                              {"speed", to_json(cell.speed)},
                              {"memory", to_json(cell.memory)},
                              {"share", to_json(cell.share)},
                              {"bytes", cell.bytes},
                              {"p_holm", cell.p}});
  }
  return value;
}

void print(const FinishedRun& a, const FinishedRun& b, const lab::Comparison& comparison) {
  fmt::print("{} against {} (ratios with 95 % intervals, blocks unpaired)\n", b.path, a.path);
  for (const lab::Confounder& c : comparison.differences) {
    fmt::print("  differs as declared: {}: {} | {}\n", c.what, c.a.substr(0, 40),
               c.b.substr(0, 40));
  }
  for (const lab::ComparedCell& cell : comparison.cells) {
    fmt::print("  {}; {} and {} tokens/s{}\n", lab::explanation(a.data, cell),
               lab::shown(cell.speed_b), lab::shown(cell.speed_a),
               cell.p < 0.05 ? "" : "; not shown to be different (Holm)");
  }
}

}  // namespace

void add_compare_command(CLI::App& app) {
  struct Flags {
    std::vector<std::string> directories, vary;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("compare", "Finished runs of the lab against the first");
  command
      ->add_option("DIR", flags->directories,
                   "Folders of runs; the first is what others are held against")
      ->required()
      ->expected(2, 16);
  command->add_option("--vary", flags->vary,
                      "What the comparison is about: model, lengths, device, residency, engine, "
                      "threads, machine; all else must agree");
  command->add_flag("--json", flags->json, "As JSON");
  command->footer("Example: ceiling compare runs/laptop runs/desktop --vary machine");
  command->callback([flags] {
    std::vector<lab::Variable> declared;
    for (const std::string& text : flags->vary) declared.push_back(lab::variable_named(text));
    std::vector<std::unique_ptr<FinishedRun>> runs;
    for (const std::string& path : flags->directories)
      runs.push_back(std::make_unique<FinishedRun>(path));
    json all = json::array();
    for (std::size_t i = 1; i < runs.size(); ++i) {
      const lab::Comparison comparison = lab::compare(runs[0]->data, runs[i]->data, declared);
      if (flags->json) {
        all.push_back(to_json(*runs[0], *runs[i], comparison));
      } else {
        print(*runs[0], *runs[i], comparison);
      }
    }
    if (flags->json) fmt::print("{}\n", all.dump(2));
  });
}

}  // namespace ceiling::cli
