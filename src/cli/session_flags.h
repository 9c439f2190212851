// The flags that say which model runs, where and with how much context: the same in every command.
#pragma once

#include <string>

#include "engine/model.h"
#include "engine/session.h"

namespace CLI {
class App;
}

namespace ceiling::cli {

struct SessionFlags {
  std::string model;  // as asked: model_path() finds the file
  SessionOptions options;
};

void add_model_flag(CLI::App& command, SessionFlags& flags);
void add_device_flags(CLI::App& command, SessionFlags& flags);  // --device, --kv
// --prefill-device and --decode-device: for commands that answer.
void add_split_flags(CLI::App& command, SessionFlags& flags);
// With a device in place of "auto": measures, which takes a second, and says on stderr, in one
// line, what was chosen and why.
SessionOptions settled(const Model& model, SessionOptions options);
void add_threads_flag(CLI::App& command, SessionFlags& flags);
void add_context_flag(CLI::App& command, SessionFlags& flags);

}  // namespace ceiling::cli
