#include "lab/engines/served_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/printable.h"
#include "lab/json/canonical_json.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

// An answer's JSON; empty where the server has no such page. Servers answer what they do not know
// with pages of their own, so anything odd is "not this kind", no error.
std::optional<json> object_at(const HttpClient& client, const std::string& target,
                              const HttpWaits& waits) {
  const HttpAnswer answer = client.get(target, waits);
  if (answer.status != 200) return std::nullopt;
  try {
    json value = parse_json(answer.body, target);
    if (value.is_object()) return value;
  } catch (const Error&) {
    return std::nullopt;
  }
  return std::nullopt;
}

// The objects of a list that may not be there.
std::vector<json> objects(const json& value, const char* member) {
  std::vector<json> found;
  if (!value.contains(member) || !value[member].is_array()) return found;
  for (const json& entry : value[member]) {
    if (entry.is_object()) found.push_back(entry);
  }
  return found;
}

std::string text(const json& value, const char* member) {
  const auto found = value.find(member);
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Ollama adds ":latest" to a name without a tag.
bool same_model(const std::string& listed, const std::string& served) {
  return listed == served || listed == served + ":latest";
}

}  // namespace

ServedModel::ServedModel(const TrialEngine& engine, const EngineLimits& limits)
    : engine_(engine), limits_(limits), client_(parse_address(engine.where)) {
  if (!is_ollama() && !is_lm_studio()) is_router();
}

HttpWaits ServedModel::waits() const {
  HttpWaits waits;
  waits.connect_s = limits_.connect_s;
  waits.first_s = waits.between_s = waits.whole_s = limits_.reply_s;
  return waits;
}

bool ServedModel::is_ollama() {
  const auto version = object_at(client_, "/api/version", waits());
  if (!version || text(*version, "version").empty()) return false;
  kind_ = Kind::ollama;
  server_ = "Ollama " + printable(text(*version, "version"), 40);
  return true;
}

bool ServedModel::is_lm_studio() {
  const auto models = object_at(client_, "/api/v1/models", waits());
  if (!models) return false;
  const std::vector<json> list = objects(*models, "models");
  if (std::none_of(list.begin(), list.end(),
                   [](const json& model) { return model.contains("loaded_instances"); })) {
    return false;
  }
  kind_ = Kind::lm_studio;
  server_ = "LM Studio";
  return true;
}

bool ServedModel::is_router() {
  const auto models = object_at(client_, "/models", waits());
  if (!models) return false;
  bool llama_cpp = false;
  for (const json& model : objects(*models, "data")) {
    llama_cpp |= text(model, "owned_by") == "llamacpp";
    if (same_model(text(model, "id"), engine_.served) && model.contains("status")) {
      kind_ = Kind::llama_cpp_router;
    }
  }
  if (llama_cpp || kind_ == Kind::llama_cpp_router) server_ = "llama-server";
  return kind_ == Kind::llama_cpp_router;
}

bool ServedModel::loaded() const {
  if (kind_ == Kind::ollama) {
    const auto running = object_at(client_, "/api/ps", waits());
    const std::vector<json> list = running ? objects(*running, "models") : std::vector<json>();
    return std::any_of(list.begin(), list.end(), [&](const json& model) {
      return same_model(text(model, "name"), engine_.served);
    });
  }
  if (kind_ == Kind::lm_studio) {
    const auto models = object_at(client_, "/api/v1/models", waits());
    for (const json& model : models ? objects(*models, "models") : std::vector<json>()) {
      if (text(model, "key") == engine_.served) return !objects(model, "loaded_instances").empty();
    }
    return false;
  }
  const auto models = object_at(client_, "/models", waits());
  for (const json& model : models ? objects(*models, "data") : std::vector<json>()) {
    if (!same_model(text(model, "id"), engine_.served) || !model.contains("status")) continue;
    const json& status = model["status"];
    return (status.is_object() ? text(status, "value") : text(model, "status")) != "unloaded";
  }
  return false;
}

void ServedModel::ask_to_unload(const std::string& target, const std::string& body) const {
  const HttpAnswer answer = client_.post(target, body, waits());
  if (answer.status >= 200 && answer.status < 300) return;
  fail(ExitCode::failed, "{} did not unload '{}': status {}: {}", server_,
       printable(engine_.served, 80), answer.status, printable(answer.body, 200));
}

void ServedModel::unload_instances() {
  const auto models = object_at(client_, "/api/v1/models", waits());
  for (const json& model : models ? objects(*models, "models") : std::vector<json>()) {
    if (text(model, "key") != engine_.served) continue;
    for (const json& instance : objects(model, "loaded_instances")) {
      ask_to_unload("/api/v1/models/unload", json{{"instance_id", text(instance, "id")}}.dump());
    }
  }
}

bool ServedModel::unload() {
  if (kind_ == Kind::unknown) return false;
  if (kind_ == Kind::ollama) {
    ask_to_unload("/api/generate",
                  json{{"model", engine_.served}, {"keep_alive", 0}, {"stream", false}}.dump());
  } else if (kind_ == Kind::lm_studio) {
    unload_instances();
  } else if (loaded()) {
    ask_to_unload("/models/unload", json{{"model", engine_.served}}.dump());
  }
  const auto start = std::chrono::steady_clock::now();
  while (loaded()) {
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
    if (waited.count() > limits_.reply_s) {
      fail(ExitCode::failed, "{} still has '{}' loaded {} s after it was asked to unload it",
           server_, printable(engine_.served, 80), limits_.reply_s);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return true;
}

}  // namespace ceiling::lab
