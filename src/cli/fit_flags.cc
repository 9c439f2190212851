#include "cli/fit_flags.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>

#include "base/printable.h"
#include "store/remote_header.h"

namespace ceiling::cli {
namespace {

// A path, or an address of a server's file.
CLI::Validator file_or_address() {
  return {[](const std::string& text) {
            return store::is_remote(text) ? std::string() : CLI::ExistingFile(text);
          },
          "FILE|hf://OWNER/NAME[:TYPE]|URL"};
}

// CLI11's own words name the largest double there is.
CLI::Validator above_zero() {
  return {[](const std::string& text) {
            double value = 0;
            const bool number = CLI::detail::lexical_cast(text, value);
            if (number && value > 0 && std::isfinite(value)) return std::string();
            return fmt::format("'{}' is not a number above 0", printable(text, 40));
          },
          "NUMBER > 0"};
}

void add_model(CLI::App& command, FitFlags& flags) {
  command.add_option("--shape", flags.shape, "Model, by size or name (default: all sizes)")
      ->type_name("70B|NAME");
  command.add_option("--type", flags.type, "Type of its weights (default: Q4_K_M)");
  command
      .add_option("-m,--model", flags.model,
                  "A GGUF file, or only its first megabytes, in place of --shape; an address reads "
                  "those from a server")
      ->check(file_or_address())
      ->excludes("--shape")
      ->excludes("--type");
  command.add_option("-c,--context", flags.context, "Positions to keep room for (default: 4096)")
      ->check(CLI::Range(1U, 1U << 30U));
  command.add_option("-p,--prompt", flags.prompt, "Prompt tokens before the first token")
      ->check(CLI::Range(1U, 1U << 30U))
      ->capture_default_str();
  command.add_option("--kv", flags.kv, "Type of the KV cache")
      ->check(CLI::IsMember({"f16", "q8_0"}))
      ->capture_default_str();
}

void add_machine(CLI::App& command, FitFlags& flags) {
  command
      .add_option("--hardware", flags.hardware,
                  "A machine of the catalogue, or words of its name (default: this machine)")
      ->type_name("NAME");
  command.add_option("--memory", flags.memory, "Memory of the device, as 48GiB");
  command.add_option("--usable", flags.usable,
                     "Of it, what a model may take (default: what the system leaves)");
  command.add_option("--bandwidth", flags.bandwidth, "Bandwidth of its memory, GB/s")
      ->check(above_zero());
  command.add_option("--backend", flags.backend, "cuda, metal, vulkan, rocm, sycl, opencl, cpu");
  command.add_option("--threads", flags.threads, "Of the processor, with backend cpu")
      ->check(CLI::Range(1U, 4096U));
  command.add_option("--host-memory", flags.host_memory, "Memory beside a card (default: 32GiB)");
  command
      .add_option("--host-bandwidth", flags.host_bandwidth,
                  "Bandwidth of that memory, GB/s (default: 89.6)")
      ->check(above_zero());
  command
      .add_option("--lab", flags.lab,
                  "A lab run of this machine to learn from (default: its latest in runs/)")
      ->check(CLI::ExistingDirectory);
}

// Each asks something else: two at once would leave one without an answer.
void add_modes(CLI::App& command, FitFlags& flags) {
  const std::array<CLI::Option*, 7> modes = {
      command.add_flag("--recommend", flags.recommend,
                       "Which type for daily use, evaluation, small"),
      command.add_option("--want", flags.want, "Which machines reach so many tokens/s")
          ->check(above_zero()),
      command
          .add_option("--what-if", flags.what_if,
                      "Change bandwidth, compute, fixed, memory or host-bandwidth: bandwidth=1.5x")
          ->type_name("KEY=VALUE"),
      command
          .add_option("--compare", flags.compare, "Speed over size for machines, apart by commas")
          ->type_name("NAMES"),
      command.add_option("--validate", flags.validate, "Judge published rows (docs/formats.md)")
          ->check(CLI::ExistingFile)
          ->type_name("FILE.csv"),
      command.add_flag("--describe", flags.describe, "A catalogue row for this machine"),
      command
          .add_flag("--leave-out", flags.leave_out,
                    "How well the cells of a lab run predict one another, each left out in turn")
          ->needs("--lab")};
  for (CLI::Option* mode : modes) {
    for (CLI::Option* other : modes) {
      if (mode != other) mode->excludes(other);
    }
  }
  modes[0]->excludes("--model");     // a file has its type already
  modes[1]->excludes("--hardware");  // it asks which
  modes[6]->excludes("--hardware")->excludes("--model")->excludes("--shape");
  modes[3]->excludes("--hardware")->excludes("--model")->excludes("--shape");
  command.add_flag("--report", flags.report, "With --compare: also write a page")
      ->needs("--compare");
  command.add_option("--out", flags.output, "Where the page goes (default: compare.html)")
      ->needs("--report");
  command.add_flag("--workloads", flags.workloads, "With --validate: the counts behind each row")
      ->needs("--validate");
}

}  // namespace

void add_fit_flags(CLI::App& command, FitFlags& flags) {
  add_machine(command, flags);
  add_model(command, flags);
  add_modes(command, flags);
  command.add_flag("--json", flags.json, "JSON");
  command.footer(
      "Examples:\n"
      "  ceiling fit                                   this machine, every size\n"
      "  ceiling fit --hardware \"m4 pro 20c\" --shape 70B -c 8192\n"
      "  ceiling fit --hardware 4090 -m model.gguf     a file, or its first megabytes\n"
      "  ceiling fit --hardware 4090 -m hf://bartowski/Llama-3.3-70B-Instruct-GGUF:Q4_K_M\n"
      "  ceiling fit --want 15 --shape 70B             machines that reach 15 tokens/s\n"
      "  ceiling fit --compare \"RTX 4090,Apple M3 Ultra 80c\" --report\n"
      "  ceiling fit --hardware 4090 --shape 70B --what-if host-bandwidth=2x --what-if "
      "memory=48GiB");
}

}  // namespace ceiling::cli
