// What another engine measures of a cell in one trial. Each kind of engine has a file of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lab/plan/cell.h"
#include "lab/trial/trial.h"

namespace ceiling::lab {

// Times are 0 where the engine does not show them; `missing` says so in words.
struct EngineRun {
  std::string engine;  // name, version, build
  std::string device;
  std::string residency = "not shown";
  unsigned threads = 0;
  double load_s = 0, prefill_s = 0, first_token_s = 0;
  std::uint32_t prompt_tokens = 0;
  std::vector<double> token_s;  // of each token after the first, or
  std::optional<DecodeTotal> total;
  std::vector<std::string> missing;
};

// How long to wait for an engine, far beyond any sound trial: it ends one that hangs.
struct EngineLimits {
  double process_s = 800;      // each process of an engine
  double connect_s = 10;       // to a server
  double reply_s = 60;         // for an answer that needs no model
  double load_s = 600;         // for the first answer, which loads the model
  double first_token_s = 300;  // of a loaded model
  double between_s = 60;       // two pieces of a stream
  double answer_s = 900;       // a whole stream
};

// Two fresh processes of the program: the prompt, then `tokens` of decode at the prompt's depth.
EngineRun run_llama_bench(const Cell& cell, const std::string& path, std::uint32_t tokens,
                          const EngineLimits& limits = {});

// A fresh Python process that does what a trial of this program does, step by step.
EngineRun run_llama_cpp_python(const Cell& cell, const std::string& path,
                               const EngineLimits& limits = {});

// One streamed answer of `tokens` tokens after the first, from a model that was unloaded before it
// where the server offers that.
EngineRun run_server(const Cell& cell, std::uint32_t tokens, const EngineLimits& limits = {});

// All throw Error(failed) with what the engine said, or Error(integrity) for an answer that no such
// engine can have meant.

// Whether the address is this machine's own. Throws Error(usage) for one that is not plain http.
bool serves_here(const std::string& url);

// What the engine says of itself ("llama-cpp-python 0.3.36"): asked before a plan is sealed, so
// that a wrong path is found then. Throws Error(failed) if it cannot be started or reached.
std::string describe_engine(const TrialEngine& engine, const EngineLimits& limits = {});

}  // namespace ceiling::lab
