// Which program runs a cell's model: this one, or another under the same protocol.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace ceiling::lab {

class Fields;

enum class EngineKind : std::uint8_t {
  own,
  llama_bench,       // a llama-bench program, started anew in each trial
  openai,            // a server with OpenAI's interface; its model is unloaded between trials
  llama_cpp_python,  // that package in a fresh Python process
};

struct TrialEngine {
  EngineKind kind = EngineKind::own;
  std::string where;   // the program, the server's address, the Python interpreter
  std::string served;  // what a server calls the model
  bool own() const { return kind == EngineKind::own; }
};

std::string_view name(EngineKind kind);  // "llama-bench"

// "llama-bench=PATH", "openai=URL", "llama-cpp-python" or "llama-cpp-python=PYTHON". Throws
// Error(usage) naming the forms there are.
TrialEngine parse_engine(const std::string& text);

nlohmann::json to_json(const TrialEngine& engine);
TrialEngine engine_from_json(const Fields& fields);  // throws Error(integrity)

}  // namespace ceiling::lab
