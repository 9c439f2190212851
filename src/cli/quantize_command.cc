#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/terminal.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/model_path.h"
#include "engine/calibrate.h"
#include "model/importance_file.h"
#include "model/requantise.h"
#include "os/cpu.h"
#include "os/files.h"

namespace ceiling::cli {
namespace {

struct Flags {
  std::string input, output, calibration_text, importance_file;
  RequantiseOptions options;
  CalibrateOptions calibration;
  unsigned threads = 0;
  bool json = false;
};

// Bytes and tensors of each type, largest first, for people; per tensor for programs.
void print_text(const RequantiseReport& report, const gguf::File& input) {
  std::map<std::string_view, std::pair<std::size_t, std::uint64_t>> by_type;
  for (std::size_t i = 0; i < report.tensors.size(); ++i) {
    auto& [count, bytes] = by_type[name(report.tensors[i].to)];
    ++count;
    bytes += input.tensors()[i].rows() * row_bytes(report.tensors[i].to, input.tensors()[i].cols());
  }
  for (const auto& [type, sums] : by_type)
    fmt::print("{:8} {:5} tensors  {:>10}\n", type, sums.first, format_capacity({sums.second}));
  std::map<std::string_view, std::vector<std::string_view>> fallbacks;
  for (const auto& tensor : report.tensors)
    if (tensor.fell_back) fallbacks[name(tensor.to)].push_back(tensor.name);
  for (const auto& [type, tensors] : fallbacks)
    fmt::print("{}: {} of these because no block of the recipe's type fits their columns ({}{})\n",
               type, tensors.size(), tensors.front(), tensors.size() > 1 ? ", ..." : "");
  fmt::print("{} (from {}), relative error of the weights {:.3g}\n",
             format_capacity({report.bytes}), format_capacity({input.bytes().size()}),
             report.weight_rms > 0 ? std::sqrt(report.squared_error) / report.weight_rms : 0.0);
}

void print_json(const RequantiseReport& report) {
  nlohmann::ordered_json out;
  out["bytes"] = report.bytes;
  out["mean_squared_error"] = report.squared_error;
  out["weight_rms"] = report.weight_rms;
  for (const auto& tensor : report.tensors)
    out["tensors"].push_back({{"name", tensor.name},
                              {"from", name(tensor.from)},
                              {"to", name(tensor.to)},
                              {"fell_back", tensor.fell_back}});
  fmt::print("{}\n", out.dump(1));
}

Importance importance_from_text(std::shared_ptr<const gguf::File> input, const Flags& flags) {
  const auto model = std::make_shared<const Model>(std::move(input));
  const auto tokens = model->tokenizer()->encode(os::read_file(flags.calibration_text));
  CalibrateOptions options = flags.calibration;
  options.threads = flags.threads;
  options.window = std::min(options.window, model->program().context_limit);
  Progress progress("calibrating", 1000);
  return calibrate(model, tokens, options, [&](std::uint64_t done, std::uint64_t total) {
    progress.set(1000 * done / total);
  });
}

// Neither of the models may be written over.
void check_importance_file(const gguf::File& input, const Flags& flags) {
  const std::filesystem::path path = flags.importance_file;
  if (path.empty()) return;
  std::error_code ignored;
  if (std::filesystem::equivalent(path, input.label(), ignored) ||
      std::filesystem::weakly_canonical(path) == std::filesystem::weakly_canonical(flags.output))
    fail(ExitCode::usage,
         "'{}' is a model that this command reads or writes: save the importances elsewhere",
         flags.importance_file);
}

void quantise_file(Flags flags) {
  const auto input = gguf::File::open(model_path(flags.input));
  flags.options.threads = flags.threads != 0 ? flags.threads : os::default_threads();
  check_requantise(*input, flags.output, flags.options);  // before the long work
  check_importance_file(*input, flags);
  if (!flags.calibration_text.empty())
    flags.options.importance = importance_from_text(input, flags);
  if (!flags.importance_file.empty())
    write_importance(flags.importance_file, *input, flags.options.importance,
                     flags.calibration_text);
  RequantiseReport report;
  {
    Progress progress("quantising", 1000);
    report = requantise(
        input, flags.output, flags.options,
        [&](std::uint64_t done, std::uint64_t total) { progress.set(1000 * done / total); });
  }
  flags.json ? print_json(report) : print_text(report, *input);
}

}  // namespace

void add_quantize_command(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("quantize", "Writes a model in another tensor type");
  command->add_option("input", flags->input, "GGUF file or name of a model")->required();
  command->add_option("output", flags->output, "file to write")->required();
  command
      ->add_option(
          "--type", flags->options.recipe,
          "Q8_0, Q6_K, Q5_K_M, Q5_K_S, Q4_K_M, Q4_K_S, Q4_0, Q4_1, Q5_0, Q5_1, Q3_K_L, Q3_K_M, "
          "Q3_K_S, Q2_K, IQ4_NL, IQ4_XS, F16, BF16, F32")
      ->required();
  command->add_option("--calibrate", flags->calibration_text,
                      "text file on which the model is run to weigh each column of its matrices");
  command
      ->add_option("--save-importances", flags->importance_file,
                   "keep what --calibrate found, as a file that llama.cpp's tools read (imatrix)")
      ->needs("--calibrate");
  command
      ->add_option("--calibrate-windows", flags->calibration.max_windows,
                   "at most so many windows of 512 tokens of that text (0: all)")
      ->capture_default_str();
  command->add_option("-t,--threads", flags->threads, "threads (0: one a core)");
  command->add_flag("--json", flags->json, "a JSON report");
  command->footer(
      "Examples:\n  ceiling quantize model-F16.gguf model-Q4_K_M.gguf --type Q4_K_M\n"
      "  ceiling quantize model-F16.gguf model-Q2_K.gguf --type Q2_K --calibrate book.txt");
  command->callback([flags] { quantise_file(*flags); });
}

}  // namespace ceiling::cli
