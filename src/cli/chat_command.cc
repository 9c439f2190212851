#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "cli/answer_summary.h"
#include "cli/answer_text.h"
#include "cli/commands.h"
#include "cli/generation_flags.h"
#include "cli/measured_ceiling.h"
#include "cli/model_path.h"
#include "cli/session_flags.h"
#include "engine/conversation.h"
#include "os/interrupt.h"

namespace ceiling::cli {
namespace {

struct ChatFlags {
  SessionFlags session;
  GenerateOptions generation;
  std::string system;
};

constexpr int kStandardInput = 0;
constexpr std::string_view kHelp =
    "/clear  forgets the conversation\n"
    "/exit   leaves (so does Ctrl-D)\n"
    "/help   shows this\n"
    "Ctrl-C  stops an answer";

class Chat {
 public:
  explicit Chat(const ChatFlags& flags)
      : start_(std::chrono::steady_clock::now()),
        model_(Model::open(model_path(flags.session.model))),
        options_(flags.generation),
        conversation_(model_->chat_format()),
        session_(model_, settled(*model_, flags.session.options)) {
    options_.stop_tokens = model_->chat_format()->stop_tokens();
    if (!flags.system.empty()) conversation_.set_system_text(flags.system);
    load_.value = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  void run() {
    if (on_terminal_) {
      fmt::print("{} on {}; /help shows what else there is\n",
                 printable(model_->display_name(), 60), session_.device().description());
    }
    while (const auto text = read_line()) {
      if (*text == "/exit") break;
      if (text->starts_with('/')) {
        obey(*text);
      } else if (!text->empty()) {
        answer(*text);
      }
    }
  }

 private:
  // Empty at the end of the input. Ctrl-C at the prompt gives a new one.
  std::optional<std::string> read_line() {
    for (;;) {
      if (on_terminal_) fmt::print("> ");
      std::fflush(stdout);
      std::string text;
      const bool came = !on_terminal_ || os::wait_for_input(kStandardInput);
      if (came && std::getline(std::cin, text)) return text;
      if (!os::interrupted() || !on_terminal_) break;
      os::clear_interrupt();
      std::clearerr(stdin);
      std::cin.clear();
      fmt::print("\n(/exit leaves)\n");
    }
    if (on_terminal_) fmt::print("\n");
    return std::nullopt;
  }

  void obey(const std::string& command) {
    if (command == "/clear") {
      conversation_.clear();
      session_.truncate(0, 0);
    } else if (command == "/help") {
      fmt::print("{}\n", kHelp);
    } else {
      fmt::print("{} is not known; /help shows what there is\n", printable(command, 40));
    }
  }

  void answer(const std::string& text) {
    conversation_.ask(text);
    const auto pending = conversation_.tokens().subspan(session_.length(0));
    AnswerSummary summary;
    try {
      summary.generation = generate(session_, 0, pending, options_, [](std::string_view piece) {
        print_answer_text(piece);
        return !os::interrupted();
      });
    } catch (const Error& error) {
      if (error.code() != ExitCode::usage) throw;
      conversation_.take_back();  // too long for what is left of the context
      fmt::print("{}; /clear makes room\n", error.what());
      return;
    }
    conversation_.answered(summary.generation.tokens);
    finish(summary);
  }

  void finish(AnswerSummary& summary) {
    const StopReason reason = summary.generation.reason;
    if (reason == StopReason::context_full) print_answer_text(" [the context is full: /clear]");
    if (reason == StopReason::interrupted) print_answer_text(" [stopped]");
    summary.load = std::exchange(load_, Seconds{});
    os::clear_interrupt();
    summary.ceiling = measure_ceiling(model_->weights()->pool());
    const bool dim = colour_wanted();
    fmt::print("\n{}[{}]{}\n", dim ? "\033[2m" : "", line(summary), dim ? "\033[0m" : "");
  }

  bool on_terminal_ = stdin_is_terminal() && stdout_is_terminal();
  std::chrono::steady_clock::time_point start_;
  std::shared_ptr<const Model> model_;
  GenerateOptions options_;
  Conversation conversation_;
  Session session_;
  Seconds load_;  // until it has been told
};

}  // namespace

void add_chat_command(CLI::App& app) {
  auto* command = app.add_subcommand("chat", "Talks with you, on the terminal");
  auto flags = std::make_shared<ChatFlags>();
  add_model_flag(*command, flags->session);
  command->add_option("--system", flags->system, "what the model is told before the first question")
      ->type_name("TEXT");
  add_generation_flags(*command, flags->generation);
  add_threads_flag(*command, flags->session);
  add_context_flag(*command, flags->session);
  add_device_flags(*command, flags->session);
  command->callback([flags] {
    os::install_interrupt_handler(/*sigterm_too=*/false);
    Chat(*flags).run();
  });
}

}  // namespace ceiling::cli
