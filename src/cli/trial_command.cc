// ceiling trial: one trial of the lab, started by the lab itself in a fresh process.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "lab/protocol/trial_runner.h"

namespace ceiling::cli {

void add_trial_command(CLI::App& app) {
  auto request = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("trial", "One trial of the lab, as JSON");
  command->group("");  // not listed: people use `lab`
  command->add_option("--cell", *request, "What to measure, as the lab writes it")->required();
  command->callback([request] { fmt::print("{}\n", lab::answer_trial_request(*request)); });
}

}  // namespace ceiling::cli
