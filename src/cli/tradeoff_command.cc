#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "base/error.h"
#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/model_path.h"
#include "engine/evaluate.h"
#include "lab/ledger/directory.h"
#include "lab/tradeoff/tradeoff.h"
#include "os/files.h"
#include "os/interrupt.h"

namespace ceiling::cli {
namespace {

struct Flags {
  lab::TradeoffOptions options;
  bool json = false;
};

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    fail(ExitCode::failed, "cannot create '{}': {}; name another folder with --out", path,
         error.message());
}

// Now, not after the files are made and timed.
void check_text(const lab::TradeoffOptions& options) {
  const auto model = Model::open(options.model);
  const auto tokens = model->tokenizer()->encode(os::read_file(options.text));
  ceiling::check_text(*model, tokens, {.window = options.window});
}

void compare_types(Flags flags) {
  os::install_interrupt_handler();
  flags.options.model = model_path(flags.options.model);
  check_text(flags.options);
  if (flags.options.directory.empty()) flags.options.directory = lab::RunDirectory::fresh_name();
  make_folder(flags.options.directory);
  lab::Tradeoff tradeoff;
  {
    Progress progress("", 1000);
    tradeoff = lab::measure_tradeoff(
        flags.options, lab::run_own_program,
        [&](std::uint64_t done, std::uint64_t total, const std::string& what) {
          progress.label(what);
          progress.set(1000 * done / total);
        });
  }
  lab::write_tradeoff(tradeoff);
  if (flags.json) {
    fmt::print("{}", lab::tradeoff_json(tradeoff));
  } else {
    fmt::print("{}{}/report.html\n", lab::tradeoff_text(tradeoff), flags.options.directory);
  }
}

}  // namespace

void add_tradeoff_command(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  auto& options = flags->options;
  auto* command = app.add_subcommand(
      "tradeoff", "What each tensor type costs and buys: size, speed and quality of one model");
  command->add_option("model", options.model, "GGUF file or name of a model")->required();
  command->add_option("--types", options.types, "types to compare: Q8_0,Q4_K_M,...")
      ->required()
      ->delimiter(',');
  command->add_option("--text", options.text, "text file whose words are predicted")
      ->required()
      ->check(CLI::ExistingFile);
  command
      ->add_option("--calibrate", options.calibration,
                   "another text, to make the types with importances")
      ->check(CLI::ExistingFile);
  command->add_option("--out", options.directory, "folder of the reports (runs/TIME-ID)");
  command->add_flag("--keep", options.keep_files, "keep the files of the types in that folder");
  command->add_option("--blocks", options.blocks, "times that each type's speed is taken")
      ->capture_default_str();
  command->add_option("-p,--prompt", options.prompt_tokens, "prompt tokens of the speed test")
      ->capture_default_str();
  command->add_option("-n,--tokens", options.decode_tokens, "decoded tokens of the speed test")
      ->capture_default_str();
  command->add_option("--window", options.window, "tokens of a window of the text")
      ->capture_default_str();
  command->add_option("--windows", options.windows, "at most so many windows (0: the whole text)")
      ->capture_default_str();
  command->add_option("-t,--threads", options.threads, "threads (0: one a core)");
  command->add_flag("--json", flags->json, "a JSON report");
  command->footer(
      "Example:\n  ceiling tradeoff model-F16.gguf --types Q8_0,Q6_K,Q4_K_M,Q2_K --text book.txt");
  command->callback([flags] { compare_types(*flags); });
}

}  // namespace ceiling::cli
