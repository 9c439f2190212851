#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/model_path.h"
#include "engine/evaluate.h"
#include "os/files.h"

namespace ceiling::cli {
namespace {

struct Flags {
  std::string model, text, reference;
  EvaluateOptions options;
  bool json = false;
};

nlohmann::ordered_json json_of(const Perplexity& p) {
  return {{"perplexity", p.perplexity},
          {"perplexity_standard_error", p.perplexity_error},
          {"mean_nll", p.mean_nll},
          {"mean_nll_standard_error", p.mean_nll_error}};
}

void print_json(const Evaluation& e, const Flags& flags) {
  nlohmann::ordered_json out;
  out["model"] = json_of(e.model);
  if (e.reference) out["reference"] = json_of(*e.reference);
  if (e.divergence)
    out["divergence"] = {{"mean_kl", e.divergence->mean_kl},
                         {"mean_kl_standard_error", e.divergence->mean_kl_error},
                         {"p99_kl", e.divergence->p99_kl},
                         {"top_agreement", e.divergence->top_agreement},
                         {"top_agreement_standard_error", e.divergence->top_agreement_error}};
  out["window"] = flags.options.window;
  out["windows"] = e.windows;
  out["counted_tokens"] = e.counted_tokens;
  fmt::print("{}\n", out.dump(1));
}

void print_text(const Evaluation& e, const Flags& flags) {
  fmt::print(
      "perplexity {:.4f} +- {:.4f}   ({} windows of {} tokens, second halves counted: {} tokens)\n",
      e.model.perplexity, e.model.perplexity_error, e.windows, flags.options.window,
      e.counted_tokens);
  if (!e.divergence) return;
  fmt::print("reference  {:.4f} +- {:.4f}   (x{:.4f})\n", e.reference->perplexity,
             e.reference->perplexity_error, e.model.perplexity / e.reference->perplexity);
  fmt::print("divergence from the reference: mean {:.5f} +- {:.5f} nats, 99th percentile {:.4f}\n",
             e.divergence->mean_kl, e.divergence->mean_kl_error, e.divergence->p99_kl);
  fmt::print("same most likely token: {:.2f} % +- {:.2f} %\n", 100 * e.divergence->top_agreement,
             100 * e.divergence->top_agreement_error);
}

void evaluate_text(const Flags& flags) {
  const auto model = Model::open(model_path(flags.model));
  const auto reference =
      flags.reference.empty() ? nullptr : Model::open(model_path(flags.reference));
  const auto tokens = model->tokenizer()->encode(os::read_file(flags.text));
  Progress progress("windows", tokens.size() / flags.options.window);
  const auto result = evaluate(model, reference, tokens, flags.options,
                               [&](std::uint32_t done, std::uint32_t) { progress.set(done); });
  flags.json ? print_json(result, flags) : print_text(result, flags);
}

}  // namespace

void add_eval_command(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand(
      "eval",
      "How well a model predicts a text: perplexity, and divergence from a reference model");
  command->add_option("model", flags->model, "GGUF file or name of a model")->required();
  command->add_option("--text", flags->text, "text file to predict")->required();
  command->add_option("--reference", flags->reference, "model to compare with, token by token");
  command
      ->add_option("--window", flags->options.window, "tokens of a window; the second half counts")
      ->capture_default_str();
  command
      ->add_option("--windows", flags->options.max_windows,
                   "at most so many windows (0: the whole text)")
      ->capture_default_str();
  command->add_option("-t,--threads", flags->options.threads, "threads (0: one a core)");
  command->add_flag("--json", flags->json, "a JSON report");
  command->footer(
      "Example:\n  ceiling eval model-Q4_K_M.gguf --text book.txt --reference model-F16.gguf");
  command->callback([flags] { evaluate_text(*flags); });
}

}  // namespace ceiling::cli
