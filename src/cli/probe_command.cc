// ceiling probe: what this machine can do.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/terminal.h"
#include "cli/commands.h"
#include "probe/report.h"

namespace ceiling::cli {
namespace {

struct Flags {
  probe::Options options;
  bool json = false;
};

probe::Report measure(const probe::Options& options) {
  Progress line("starting", 0);
  return probe::run(options, [&](const std::string& what, unsigned done, unsigned of) {
    line.label(fmt::format("{} ({} of {})", what, done + 1, of));
  });
}

// A file's name may hold bytes that are no UTF-8.
constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;

void run(const Flags& flags) {
  const probe::Report report = measure(flags.options);
  if (flags.json) {
    fmt::print("{}\n", probe::to_json(report).dump(2, ' ', false, kReplace));
  } else {
    fmt::print("{}", probe::to_text(report, colour_wanted()));
  }
}

}  // namespace

void add_probe_command(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("probe", "Measures how fast this machine reads memory and computes");
  command
      ->add_option("-t,--threads", flags->options.threads,
                   "Most threads (default: one a fast core)")
      ->check(CLI::Range(1U, 4096U));
  command->add_option("--file", flags->options.file, "Also read this file, as a model is read");
  command->add_flag("--quick", flags->options.quick, "A quarter of the time, less certain");
  command->add_flag("--json", flags->json, "Every reading as JSON");
  command->callback([flags] { run(*flags); });
}

}  // namespace ceiling::cli
