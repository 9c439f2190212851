// ceiling trial: one trial of the lab, started by the lab itself in a fresh process.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "lab/json/canonical_json.h"
#include "lab/planning/device_probe.h"
#include "lab/protocol/trial_runner.h"

namespace ceiling::cli {

void add_trial_command(CLI::App& app) {
  auto request = std::make_shared<std::string>();
  auto device = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("trial", "One trial of the lab, as JSON");
  command->group("");  // not listed: people use `lab`
  CLI::Option_group* what = command->add_option_group("what");
  what->add_option("--cell", *request, "What to measure, as the lab writes it");
  what->add_option("--device", *device, "Describe and measure this device instead");
  what->require_option(1);
  command->callback([request, device] {
    fmt::print("{}\n", device->empty()
                           ? lab::answer_trial_request(*request)
                           : lab::canonical_json(to_json(lab::measure_device(*device))));
  });
}

}  // namespace ceiling::cli
