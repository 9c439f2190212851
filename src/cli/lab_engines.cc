#include "cli/lab_engines.h"

#include <fmt/core.h>

#include <map>

#include "base/error.h"
#include "base/printable.h"
#include "lab/engines/engine_run.h"

namespace ceiling::cli {
namespace {

std::map<std::string, std::string> served_models(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> served;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      fail(ExitCode::usage, "--served {}: expected CELL=NAME, as in 7B=qwen2.5:7b",
           printable(text, 80));
    }
    served[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return served;
}

}  // namespace

std::vector<lab::EngineWish> wanted_engines(const std::vector<std::string>& engines,
                                            const std::vector<std::string>& served) {
  const std::map<std::string, std::string> names = served_models(served);
  std::vector<lab::EngineWish> wishes;
  for (const std::string& text : engines) {
    lab::EngineWish wish{lab::parse_engine(text), {}};
    if (wish.engine.kind == lab::EngineKind::openai) {
      if (names.empty()) {
        fail(ExitCode::usage,
             "--engine {}: say what the server calls the model of a cell: --served 7B=NAME",
             printable(text, 80));
      }
      wish.served = names;
    }
    fmt::print("Engine: {}\n", lab::describe_engine(wish.engine));
    wishes.push_back(std::move(wish));
  }
  if (wishes.empty() && !names.empty()) {
    fail(ExitCode::usage, "--served needs a server: --engine openai=http://HOST:PORT");
  }
  return wishes;
}

}  // namespace ceiling::cli
