// An OpenAI-compatible server as an engine: one streamed answer, timed where it arrives.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/printable.h"
#include "lab/engines/engine_run.h"
#include "lab/engines/http_client.h"
#include "lab/engines/served_model.h"
#include "lab/engines/sse_reader.h"
#include "lab/engines/streamed_answer.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// Words that most tokenizers take as one token each. The first ones differ from trial to trial, or
// a server would remember the prompt and skip its work; the others depend on their place alone.
std::string prompt_text(std::uint32_t words) {
  constexpr std::array kWords = {"one",   "two",  "three", "four",  "five",  "six",   "seven",
                                 "eight", "nine", "ten",   "red",   "blue",  "green", "sun",
                                 "moon",  "tree", "book",  "house", "water", "stone"};
  constexpr std::uint32_t kDrawn = 6;
  std::random_device draw;
  std::string text;
  for (std::uint32_t i = 0; i < words; ++i) {
    const std::uint64_t mixed = (i + 1) * 0x9E3779B97F4A7C15ULL;
    const std::size_t index = i < kDrawn ? draw() : static_cast<std::size_t>(mixed >> 33U);
    text += (i > 0 ? " " : "") + std::string(kWords[index % kWords.size()]);
  }
  return text;
}

class ServerTrial {
 public:
  ServerTrial(const Cell& cell, std::uint32_t tokens, const EngineLimits& limits)
      : cell_(cell),
        tokens_(tokens),
        limits_(limits),
        model_(cell.engine, limits),
        client_(parse_address(cell.engine.where)) {}

  EngineRun run() {
    const bool fresh = model_.unload();
    load(fresh);
    answer();
    run_.engine =
        fmt::format("{}, model '{}'", model_.server(), printable(cell_.engine.served, 80));
    run_.device = "of the server";
    count_tokens();
    if (!fresh) {
      run_.missing.emplace_back(
          "the model stayed loaded: this server offers no unloading, its trials are not "
          "independent");
    }
    for (const char* what :
         {"prefill apart from the way to the server and back", "threads and their placement",
          "that the server's model is the file that is named here", "tokenizer: the prompt is text",
          "sampling is inside its clock"}) {
      run_.missing.emplace_back(what);
    }
    return std::move(run_);
  }

 private:
  json request(std::uint32_t most, bool streamed) const {
    json value = {{"model", cell_.engine.served},
                  {"max_tokens", most},
                  {"temperature", 0},
                  {"seed", 1},
                  {"stream", streamed}};
    if (streamed) value["stream_options"] = {{"include_usage", true}};
    const std::string text = prompt_text(streamed ? cell_.prompt_tokens : 2);
    if (chat_) {
      value["messages"] = json::array({{{"role", "user"}, {"content", text}}});
    } else {
      value["prompt"] = text;
    }
    return value;
  }

  std::string target() const { return chat_ ? "/v1/chat/completions" : "/v1/completions"; }

  // One token, so that the answer that counts finds its model loaded. A server that knows no plain
  // completions is asked for a chat.
  void load(bool fresh) {
    HttpWaits waits;
    waits.connect_s = limits_.connect_s;
    waits.first_s = waits.between_s = waits.whole_s = limits_.load_s;
    const auto start = Clock::now();
    HttpAnswer answer = client_.post(target(), request(1, false).dump(), waits);
    if (answer.status == 404 || answer.status == 405) {
      chat_ = true;
      answer = client_.post(target(), request(1, false).dump(), waits);
    }
    require_ok(answer);
    if (fresh) {
      run_.load_s = std::chrono::duration<double>(Clock::now() - start).count();
      run_.missing.emplace_back("its load holds an answer of one token");
    } else {
      run_.missing.emplace_back("load");
    }
    if (chat_) run_.missing.emplace_back("the server's chat format is around the prompt");
  }

  void require_ok(const HttpAnswer& answer) const {
    if (answer.status == 200) return;
    fail(ExitCode::failed, "{} answers {} with status {}: {}", model_.server(), target(),
         answer.status, printable(answer.body, 300));
  }

  void answer() {
    HttpWaits waits;
    waits.connect_s = limits_.connect_s;
    waits.first_s = limits_.first_token_s;
    waits.between_s = limits_.between_s;
    waits.whole_s = limits_.answer_s;
    SseReader events;
    Clock::time_point sent;
    const auto piece = [&](std::string_view bytes) {
      const double at_s = std::chrono::duration<double>(Clock::now() - sent).count();
      for (const std::string& data : events.feed(bytes)) {
        if (!stream_.done()) stream_.event(data, at_s);
      }
      return !stream_.done() && !enough();
    };
    const HttpAnswer answer = client_.stream(
        target(), request(tokens_ + 1, true).dump(), waits, "text/event-stream",
        [&] { sent = Clock::now(); }, piece);
    require_ok(answer);
    if (!stream_.done() && !stream_.finished() && !enough()) {
      fail(ExitCode::failed,
           "{} closed the stream after {} pieces, before it said that it was done", model_.server(),
           stream_.arrivals().size());
    }
  }

  // A server that does not stop by itself is heard no longer than this.
  bool enough() const {
    const std::vector<double>& at = stream_.arrivals();
    if (at.size() < cell_.least_tokens + std::size_t{1}) return false;
    return at.size() > 2 * std::size_t{tokens_} + 2 ||
           at.back() - at.front() > 3 * cell_.most_decode_s + 1;
  }

  void count_tokens() {
    const std::vector<double>& at = stream_.arrivals();
    if (at.size() < 2) {
      fail(ExitCode::failed, "{} answered with {} pieces of text; expected at least 2",
           model_.server(), at.size());
    }
    run_.first_token_s = at.front();
    for (std::size_t i = 1; i < at.size(); ++i) run_.token_s.push_back(at[i] - at[i - 1]);
    run_.prompt_tokens = cell_.prompt_tokens;
    if (const auto prompt = stream_.prompt_tokens(); prompt && *prompt > 0) {
      run_.prompt_tokens = static_cast<std::uint32_t>(*prompt);
    } else {
      run_.missing.emplace_back("number of prompt tokens: one a word is assumed");
    }
    use_total_where_needed();
  }

  // Pieces that came together, or that hold several tokens, tell no single token's time.
  void use_total_where_needed() {
    constexpr double kLeastApart = 1e-6;
    const std::size_t pieces = stream_.arrivals().size();
    const double least = *std::min_element(run_.token_s.begin(), run_.token_s.end());
    const auto counted = stream_.answer_tokens();
    const std::uint64_t tokens = counted.value_or(pieces);
    if (!counted) {
      run_.missing.emplace_back("number of tokens: each piece of the stream is taken as one");
    }
    // The last token may be one that ends the answer and has no text.
    const bool one_each = tokens == pieces || tokens == pieces + 1;
    if (one_each && least >= kLeastApart) return;
    const double all_s = stream_.arrivals().back() - stream_.arrivals().front();
    if (tokens < 2 || !(all_s > kLeastApart)) {
      fail(ExitCode::failed, "{} sent its whole answer at once: nothing of it can be timed",
           model_.server());
    }
    run_.token_s.clear();
    run_.total = DecodeTotal{tokens - 1, all_s};
    run_.missing.emplace_back(
        fmt::format("times of single tokens: {} tokens came in {} pieces", tokens, pieces));
  }

  const Cell& cell_;
  std::uint32_t tokens_;
  EngineLimits limits_;
  ServedModel model_;
  HttpClient client_;
  StreamedAnswer stream_;
  EngineRun run_;
  bool chat_ = false;
};

}  // namespace

EngineRun run_server(const Cell& cell, std::uint32_t tokens, const EngineLimits& limits) {
  return ServerTrial(cell, tokens, limits).run();
}

bool serves_here(const std::string& url) { return is_here(parse_address(url)); }

}  // namespace ceiling::lab
