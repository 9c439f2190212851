#include "engine/generate.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "engine/stop_texts.h"
#include "tokenizer/stream_decoder.h"

namespace ceiling {
namespace {

using Clock = std::chrono::steady_clock;

Seconds since(Clock::time_point start) {
  return {std::chrono::duration<double>(Clock::now() - start).count()};
}

class Answer {
 public:
  Answer(Session& session, std::uint32_t sequence, const GenerateOptions& options,
         const std::function<bool(std::string_view)>& emit)
      : session_(session),
        sequence_(sequence),
        options_(options),
        emit_(emit),
        sampler_(options.sampling),
        decoder_(session.model().tokenizer()),
        stop_texts_(options.ignore_stop ? std::vector<std::string>() : options.stop_texts) {
    if (options.ignore_stop) return;
    const auto own = session.model().tokenizer()->stop_tokens();
    stop_tokens_.assign(own.begin(), own.end());
    stop_tokens_.insert(stop_tokens_.end(), options.stop_tokens.begin(), options.stop_tokens.end());
  }

  Generation run(std::span<const Token> prompt) {
    result_.prompt_tokens = static_cast<std::uint32_t>(prompt.size());
    for (const Token token : prompt) sampler_.accept(token);
    const auto start = Clock::now();
    const std::span<const float> logits =
        session_.append(sequence_, prompt, [this] { return emit_({}); });
    result_.prefill_time = since(start);
    result_.reason = logits.empty() ? StopReason::interrupted : decode(sampler_.choose(logits));
    if (result_.reason != StopReason::stop_text) hand_over(decoder_.finish(), true);
    if (result_.decode_steps > 0) {
      const std::uint32_t depth = session_.length(sequence_) - result_.decode_steps;
      result_.decode_read_bytes =
          result_.decode_steps * mean_decode_cost(session_.model().program(), depth,
                                                  result_.decode_steps, session_.options().kv)
                                     .read_bytes();
    }
    return std::move(result_);
  }

 private:
  // From the first token until something ends the answer.
  StopReason decode(Token token) {
    for (;;) {
      if (const auto reason = take(token)) return *reason;
      const auto start = Clock::now();
      const std::span<const float> logits = session_.append(sequence_, std::span(&token, 1));
      token = sampler_.choose(logits);
      result_.decode_time = result_.decode_time + since(start);
      ++result_.decode_steps;
    }
  }

  std::optional<StopReason> take(Token token) {
    if (std::ranges::find(stop_tokens_, token) != stop_tokens_.end()) return StopReason::stop_token;
    result_.tokens.push_back(token);
    sampler_.accept(token);
    const bool go_on = hand_over(decoder_.push(token), false);
    if (stop_texts_.matched()) return StopReason::stop_text;
    if (!go_on) return StopReason::interrupted;
    if (options_.max_tokens != 0 && result_.tokens.size() >= options_.max_tokens) {
      return StopReason::length;
    }
    if (session_.length(sequence_) >= session_.context()) return StopReason::context_full;
    return std::nullopt;
  }

  bool hand_over(const std::string& piece, bool last) {
    std::string text = stop_texts_.push(piece);
    if (last && !stop_texts_.matched()) text += stop_texts_.finish();
    result_.text += text;
    return emit_(text);
  }

  Session& session_;
  std::uint32_t sequence_;
  const GenerateOptions& options_;
  const std::function<bool(std::string_view)>& emit_;
  Sampler sampler_;
  StreamDecoder decoder_;
  StopTexts stop_texts_;
  std::vector<Token> stop_tokens_;
  Generation result_;
};

}  // namespace

std::string_view name(StopReason reason) {
  switch (reason) {
    case StopReason::stop_token:
      return "stop token";
    case StopReason::stop_text:
      return "stop text";
    case StopReason::length:
      return "length";
    case StopReason::context_full:
      return "context full";
    case StopReason::interrupted:
      return "interrupted";
  }
  return "";
}

Generation generate(Session& session, std::uint32_t sequence, std::span<const Token> prompt,
                    const GenerateOptions& options,
                    const std::function<bool(std::string_view)>& emit) {
  return Answer(session, sequence, options, emit).run(prompt);
}

}  // namespace ceiling
