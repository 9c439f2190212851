// A model on an OpenAI-compatible server, and how that server is made to load it anew.
#pragma once

#include <functional>
#include <string>

#include "lab/engines/engine_run.h"
#include "lab/engines/http_client.h"

namespace ceiling::lab {

class ServedModel {
 public:
  // Asks the server what it is.
  ServedModel(const TrialEngine& engine, const EngineLimits& limits);

  const std::string& server() const { return server_; }  // "Ollama 0.12.3", "LM Studio", ...

  // Unloads the model and waits until the server says that it is gone. False: this server offers no
  // such thing.
  bool unload();

 private:
  enum class Kind { unknown, ollama, lm_studio, llama_cpp_router };
  bool is_ollama();
  bool is_lm_studio();
  bool is_router();
  void unload_instances();  // of LM Studio
  bool loaded() const;
  void ask_to_unload(const std::string& target, const std::string& body) const;
  HttpWaits waits() const;

  const TrialEngine& engine_;
  EngineLimits limits_;
  HttpClient client_;
  Kind kind_ = Kind::unknown;
  std::string server_ = "a server of unknown make";
};

}  // namespace ceiling::lab
