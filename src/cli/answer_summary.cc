#include "cli/answer_summary.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace ceiling::cli {
namespace {

double per_second(double count, Seconds time) { return time.value > 0 ? count / time.value : 0; }

}  // namespace

BytesPerSecond AnswerSummary::decode_rate() const {
  return {per_second(static_cast<double>(generation.decode_read_bytes), generation.decode_time)};
}

double AnswerSummary::share_of_ceiling() const {
  return ceiling.value > 0 ? decode_rate().value / ceiling.value : 0;
}

std::string line(const AnswerSummary& summary) {
  const Generation& answer = summary.generation;
  std::string text;
  if (summary.load.value > 0) text += fmt::format("load {}, ", format_duration(summary.load));
  text += fmt::format("prefill {} tokens at {}/s", answer.prompt_tokens,
                      format_count(per_second(answer.prompt_tokens, answer.prefill_time)));
  if (answer.decode_steps == 0) return text;
  text += fmt::format(", decode {} at {}/s: {}", answer.decode_steps,
                      format_count(answer.tokens_per_s()), format_bandwidth(summary.decode_rate()));
  if (summary.ceiling.value > 0) {
    text += fmt::format(", {:.0f} % of the ceiling ({})", 100 * summary.share_of_ceiling(),
                        format_bandwidth(summary.ceiling));
  }
  return text;
}

nlohmann::ordered_json to_json(const AnswerSummary& summary) {
  const Generation& answer = summary.generation;
  return {{"text", answer.text},
          {"tokens", answer.tokens},
          {"stop_reason", name(answer.reason)},
          {"load_s", summary.load.value},
          {"prefill",
           {{"tokens", answer.prompt_tokens},
            {"seconds", answer.prefill_time.value},
            {"tokens_per_s", per_second(answer.prompt_tokens, answer.prefill_time)}}},
          {"decode",
           {{"tokens", answer.decode_steps},
            {"seconds", answer.decode_time.value},
            {"tokens_per_s", answer.tokens_per_s()},
            {"bytes", answer.decode_read_bytes},
            {"gb_per_s", summary.decode_rate().gb_per_s()},
            {"share_of_ceiling", summary.share_of_ceiling()}}},
          {"ceiling_gb_per_s", summary.ceiling.gb_per_s()}};
}

}  // namespace ceiling::cli
