// ceiling synth: random weights in the shape of a real model, for measuring speed.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/terminal.h"
#include "base/units.h"
#include "cli/commands.h"
#include "model/synthetic.h"
#include "os/cpu.h"
#include "os/interrupt.h"

namespace ceiling::cli {
namespace {

struct SynthFlags {
  std::string shape;
  std::string output;
  SyntheticOptions options;
};

std::string shape_names() {
  std::vector<std::string> names;
  for (const Shape& shape : shapes()) {
    names.push_back(fmt::format("{} ({})", shape.name, shape.like));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void run(const SynthFlags& flags) {
  const Shape& shape = find_shape(flags.shape);
  const std::uint64_t bytes = synthetic_file_bytes(shape, flags.options);
  os::install_interrupt_handler();
  {
    Progress progress(fmt::format("{} {}", shape.name, flags.options.recipe), bytes);
    write_synthetic(shape, flags.options, flags.output, [&](std::uint64_t done, std::uint64_t) {
      if (os::interrupted()) {
        fail(ExitCode::interrupted, "stopped; '{}' was not written", flags.output);
      }
      progress.set(done);
    });
  }
  fmt::print("{}: synthetic {} {}, as {}, {}, seed {}. For speed only: its text means nothing.\n",
             flags.output, shape.name, flags.options.recipe, shape.like, format_capacity({bytes}),
             flags.options.seed);
}

}  // namespace

void add_synth_command(CLI::App& app) {
  auto flags = std::make_shared<SynthFlags>();
  flags->options.threads = os::default_threads();
  CLI::App* command =
      app.add_subcommand("synth", "Writes random weights in the shape of a real model");
  command->add_option("--shape", flags->shape, fmt::format("One of: {}", shape_names()))
      ->required();
  command
      ->add_option("--type", flags->options.recipe,
                   fmt::format("One of: {}", fmt::join(recipes(), ", ")))
      ->capture_default_str();
  command->add_option("-o,--output", flags->output, "The GGUF file to write")->required();
  command->add_option("--seed", flags->options.seed, "Same seed, same file")->capture_default_str();
  command
      ->add_option("--vocabulary", flags->options.vocabulary,
                   "Tokens; more take more memory and time for the output head")
      ->capture_default_str();
  command->add_option("-t,--threads", flags->options.threads, "Threads that generate weights")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->callback([flags] { run(*flags); });
}

}  // namespace ceiling::cli
