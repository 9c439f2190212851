#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <new>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/first_answer.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{
      "Runs language models locally at the speed that memory allows, and shows how close it came."};
  app.name("ceiling");
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", CEILING_VERSION);
  ceiling::cli::add_run_command(app);
  ceiling::cli::add_chat_command(app);
  ceiling::cli::add_bench_command(app);
  ceiling::cli::add_score_command(app);
  ceiling::cli::add_lab_command(app);
  ceiling::cli::add_compare_command(app);
  ceiling::cli::add_inspect_command(app);
  ceiling::cli::add_probe_command(app);
  ceiling::cli::add_fit_command(app);
  ceiling::cli::add_tokenize_command(app);
  ceiling::cli::add_quantize_command(app);
  ceiling::cli::add_eval_command(app);
  ceiling::cli::add_tradeoff_command(app);
  ceiling::cli::add_synth_command(app);
  ceiling::cli::add_trial_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ceiling::ExitCode::usage);
  }
  if (app.get_subcommands().empty()) ceiling::cli::print_first_answer();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const ceiling::Error& error) {
    fmt::print(stderr, "ceiling: {}\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr,
               "ceiling: out of memory: close other programs, or use a smaller model or context\n");
    return static_cast<int>(ceiling::ExitCode::failed);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ceiling: unexpected: {}\n", error.what());
    return static_cast<int>(ceiling::ExitCode::failed);
  }
}
