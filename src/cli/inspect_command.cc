#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/inspection.h"
#include "cli/model_path.h"

namespace ceiling::cli {
namespace {

struct Options {
  std::string model;
  bool tensors = false;
  bool sha256 = false;
  bool json = false;
};

void inspect(const Options& options) {
  const Inspection inspection = inspect_file(model_path(options.model), options.sha256);
  const std::string shown =
      options.json ? inspection_json(inspection, options.tensors)
                   : inspection_text(inspection,
                                     {.tensors = options.tensors, .columns = terminal_columns()});
  fmt::print("{}", shown);
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("inspect", "What a model file holds, and what each token will read of it");
  command
      ->add_option("model,-m,--model", options->model,
                   "GGUF file, or a name in the models folder (default: SmolLM2-135M-Instruct)")
      ->type_name("FILE|NAME");
  command->add_flag("--tensors", options->tensors, "list every tensor");
  command->add_flag("--sha256", options->sha256, "hash the file");
  command->add_flag("--json", options->json, "write JSON");
  command->callback([options] { inspect(*options); });
}

}  // namespace ceiling::cli
