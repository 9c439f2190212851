#include "lab/plan/trial_engine.h"

#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

constexpr std::array kOthers = {EngineKind::llama_bench, EngineKind::openai,
                                EngineKind::llama_cpp_python};

}  // namespace

std::string_view name(EngineKind kind) {
  switch (kind) {
    case EngineKind::llama_bench:
      return "llama-bench";
    case EngineKind::openai:
      return "openai";
    case EngineKind::llama_cpp_python:
      return "llama-cpp-python";
    default:
      return "ceiling";
  }
}

TrialEngine parse_engine(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string kind = text.substr(0, equals);
  TrialEngine engine;
  if (equals != std::string::npos) engine.where = text.substr(equals + 1);
  for (const EngineKind other : kOthers) {
    if (kind == name(other)) engine.kind = other;
  }
  if (engine.kind == EngineKind::llama_cpp_python && equals == std::string::npos) {
    engine.where = "python3";
  }
  if (engine.own() || engine.where.empty()) {
    fail(ExitCode::usage,
         "--engine {}: expected llama-bench=PATH, openai=http://HOST:PORT, llama-cpp-python or "
         "llama-cpp-python=PYTHON",
         printable(text, 80));
  }
  return engine;
}

nlohmann::json to_json(const TrialEngine& engine) {
  nlohmann::json value = {{"kind", name(engine.kind)}, {"where", engine.where}};
  if (!engine.served.empty()) value["served"] = engine.served;
  return value;
}

TrialEngine engine_from_json(const Fields& fields) {
  fields.only({"kind", "where", "served"});
  TrialEngine engine;
  const std::string kind = fields.text("kind");
  for (const EngineKind other : kOthers) {
    if (kind == name(other)) engine.kind = other;
  }
  if (engine.own()) {
    fail(ExitCode::integrity, "{}.kind is '{}'; expected llama-bench, openai or llama-cpp-python",
         fields.label(), printable(kind, 40));
  }
  engine.where = fields.text("where");
  if (engine.kind == EngineKind::openai) {
    engine.served = fields.text("served");
  } else if (fields.has("served")) {
    fail(ExitCode::integrity, "{}.served is for an engine of kind openai only", fields.label());
  }
  return engine;
}

}  // namespace ceiling::lab
