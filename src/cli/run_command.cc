#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/terminal.h"
#include "cli/answer_summary.h"
#include "cli/answer_text.h"
#include "cli/commands.h"
#include "cli/generation_flags.h"
#include "cli/measured_ceiling.h"
#include "cli/model_path.h"
#include "cli/session_flags.h"
#include "os/interrupt.h"

namespace ceiling::cli {
namespace {

struct RunFlags {
  SessionFlags session;
  GenerateOptions generation;
  std::string prompt;
  bool raw = false;
  bool as_json = false;
};

std::string prompt_text(const RunFlags& flags) {
  if (flags.prompt != "-") return flags.prompt;
  return {std::istreambuf_iterator(std::cin), {}};
}

// The prompt as a message to an assistant where the file has a chat format, else as it is.
std::vector<Token> encode_prompt(const RunFlags& flags, const Model& model,
                                 std::vector<Token>& stop_tokens) {
  const std::string text = prompt_text(flags);
  if (text.empty()) fail(ExitCode::usage, "the prompt is empty: give a text with -p");
  if (flags.raw || !model.file().metadata().contains("tokenizer.chat_template")) {
    return model.tokenizer()->encode(text);
  }
  const auto format = model.chat_format();
  stop_tokens = format->stop_tokens();
  const std::vector<ChatMessage> messages = {{"user", text}};
  return format->encode(messages);
}

void run(const RunFlags& flags) {
  os::install_interrupt_handler();
  const auto start = std::chrono::steady_clock::now();
  const auto model = Model::open(model_path(flags.session.model));
  GenerateOptions options = flags.generation;
  const std::vector<Token> prompt = encode_prompt(flags, *model, options.stop_tokens);
  Session session(model, settled(*model, flags.session.options));
  if (!session.spill_reason().empty()) fmt::print(stderr, "spill {}\n", session.spill_reason());
  AnswerSummary summary;
  summary.load.value =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  summary.generation = generate(session, 0, prompt, options, [&](std::string_view text) {
    if (!flags.as_json) print_answer_text(text);
    return !os::interrupted();
  });
  const bool interrupted = summary.generation.reason == StopReason::interrupted;
  if (!interrupted) summary.ceiling = measure_ceiling(model->weights()->pool());
  if (flags.as_json) {
    nlohmann::ordered_json result = to_json(summary);
    result["model"] = model->display_name();
    result["seed"] = options.sampling.seed;
    fmt::print("{}\n",
               result.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    print_answer_text("\n");
    fmt::print(stderr, "{}\n", line(summary));
  }
  if (interrupted) fail(ExitCode::interrupted, "interrupted");
}

}  // namespace

void add_run_command(CLI::App& app) {
  auto* command = app.add_subcommand("run", "Answers one prompt");
  auto flags = std::make_shared<RunFlags>();
  add_model_flag(*command, flags->session);
  command->add_option("-p,--prompt", flags->prompt, "the prompt; -: standard input")
      ->required()
      ->type_name("TEXT");
  add_generation_flags(*command, flags->generation);
  add_threads_flag(*command, flags->session);
  add_context_flag(*command, flags->session);
  add_device_flags(*command, flags->session);
  add_split_flags(*command, flags->session);
  command->add_flag("--raw", flags->raw, "continue the text: no chat format");
  command->add_flag("--json", flags->as_json, "print JSON, with the tokens and the clocks");
  command->callback([flags] { run(*flags); });
}

}  // namespace ceiling::cli
