#include "cli/lab_export.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "lab/exchange/export.h"
#include "lab/protocol/protocol.h"
#include "lab/report/report.h"
#include "lab/report/report_formats.h"
#include "os/files.h"

namespace ceiling::cli {
namespace {

constexpr const char* kLlamaBench = "llama-bench";
constexpr const char* kLlmd = "llmd-benchmark-report";
constexpr const char* kCsv = "csv";

struct Flags {
  std::string directory, format, cell, out;
};

std::string text_of(const nlohmann::ordered_json& value) {
  return value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// A cell's name as a file's: nothing in it may lead elsewhere.
std::string file_name(const std::string& cell) {
  std::string name;
  for (const char c : cell) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || (c == '.' && !name.empty());
    name += plain ? c : '_';
  }
  return name + ".json";
}

std::vector<std::size_t> wanted_cells(const lab::ReportData& data, const Flags& flags) {
  std::vector<std::size_t> cells;
  std::string names;
  for (const lab::CellFigures& figures : data.analysis.cells) {
    const std::string& id = data.plan.cells[figures.cell].id;
    names += (names.empty() ? "" : ", ") + id;
    if (flags.cell.empty() || flags.cell == id) cells.push_back(figures.cell);
  }
  if (cells.empty()) {
    fail(ExitCode::usage, "--cell {}: the run has no such decode cell; it has {}", flags.cell,
         names);
  }
  if (cells.size() > 1 && flags.out.empty()) {
    fail(ExitCode::usage,
         "a report of this format holds one cell: name it with --cell ({}), or give a folder with "
         "--out",
         names);
  }
  return cells;
}

// Files by name; without --out there is one, for standard output.
std::vector<std::pair<std::string, std::string>> files(const lab::ReportData& data,
                                                       const Flags& flags) {
  if (flags.format == kCsv) return {{"results.csv", lab::results_csv(data)}};
  if (flags.format == kLlamaBench) {
    return {{"llama-bench.json", text_of(lab::llama_bench_json(data))}};
  }
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::size_t cell : wanted_cells(data, flags)) {
    all.emplace_back(file_name(data.plan.cells[cell].id), text_of(lab::llmd_report(data, cell)));
  }
  return all;
}

void run(const Flags& flags) {
  const auto directory = lab::RunDirectory::open(flags.directory);
  const lab::OpenedRun opened = lab::open_run(directory);
  lab::require_finished(directory, opened.plan, opened.state);
  const lab::ReportData data = lab::gather(opened.plan, opened.ledger.entries());
  const auto exported = files(data, flags);
  if (flags.out.empty()) {
    fmt::print("{}", exported.front().second);
    return;
  }
  std::filesystem::create_directories(flags.out);
  for (const auto& [name, text] : exported) {
    const std::string path = flags.out + "/" + name;
    os::write_file(path, text);
    fmt::print("{}\n", path);
  }
}

}  // namespace

void add_export_step(CLI::App& lab) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = lab.add_subcommand("export", "Writes a finished run in another's format");
  command->add_option("DIR", flags->directory, "The folder of a run")->required();
  command->add_option("--format", flags->format, "llama-bench, llmd-benchmark-report or csv")
      ->required()
      ->check(CLI::IsMember({kLlamaBench, kLlmd, kCsv}));
  command->add_option("--cell", flags->cell, "Only this cell (llmd-benchmark-report)");
  command->add_option("--out", flags->out, "Folder for the files (default: standard output)");
  command->footer("Example: ceiling lab export runs/mine --format llama-bench");
  command->callback([flags] { run(*flags); });
}

}  // namespace ceiling::cli
