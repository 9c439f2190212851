#include "lab/engines/streamed_answer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr std::size_t kMostEvents = std::size_t{1} << 20;
constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 24;

bool has_text(const Fields& fields, const char* member) {
  if (!fields.has(member)) return false;
  const json& value = fields.at(member);
  if (!value.is_string()) {
    fail(ExitCode::integrity, "{}.{} is no text; expected a piece of the answer", fields.label(),
         member);
  }
  return !value.get_ref<const std::string&>().empty();
}

// A completion's text, a chat's content; what a model thinks aloud is tokens too.
bool carries_text(const Fields& choice) {
  if (has_text(choice, "text")) return true;
  if (!choice.has("delta")) return false;
  const Fields delta = choice.object("delta");
  return has_text(delta, "content") || has_text(delta, "reasoning_content") ||
         has_text(delta, "reasoning");
}

std::string error_text(const json& error) {
  if (error.is_object() && error.contains("message") && error["message"].is_string()) {
    return printable(error["message"].get<std::string>(), 300);
  }
  return printable(error.dump(-1, ' ', true, json::error_handler_t::replace), 300);
}

}  // namespace

void StreamedAnswer::event(const std::string& data, double at_s) {
  if (++events_ > kMostEvents) {
    fail(ExitCode::integrity, "the server's stream has more than {} events", kMostEvents);
  }
  if (data == "[DONE]") {
    done_ = true;
    return;
  }
  const std::string label = fmt::format("event {} of the server's stream", events_);
  const json value = parse_json(data, label);
  const Fields fields(value, label);
  if (fields.has("error")) {
    fail(ExitCode::failed, "the server says: {}", error_text(fields.at("error")));
  }
  if (fields.has("choices")) {
    bool text = false;
    for (const Fields& choice : fields.objects("choices", 16)) {
      text |= carries_text(choice);
      finished_ |= choice.has("finish_reason");
    }
    if (text) arrivals_.push_back(at_s);
  }
  if (fields.has("usage")) {
    const Fields usage = fields.object("usage");
    if (usage.has("prompt_tokens")) {
      prompt_tokens_ = usage.integer("prompt_tokens", 0, kMostTokens);
    }
    if (usage.has("completion_tokens")) {
      answer_tokens_ = usage.integer("completion_tokens", 0, kMostTokens);
    }
  }
}

}  // namespace ceiling::lab
