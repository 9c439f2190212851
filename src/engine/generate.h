// One answer: prefill, then decode until a stop token, a stop text, the length, or an interrupt.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "engine/sampler.h"
#include "engine/session.h"

namespace ceiling {

struct GenerateOptions {
  std::uint32_t max_tokens = 0;  // 0: what the context holds
  SamplerOptions sampling;
  std::vector<std::string> stop_texts;
  std::vector<Token> stop_tokens;  // beside the tokenizer's own
  bool ignore_stop = false;        // neither tokens nor texts end the answer
};

enum class StopReason { stop_token, stop_text, length, context_full, interrupted };
std::string_view name(StopReason reason);  // "stop token", ...

struct Generation {
  std::vector<Token> tokens;  // without the stop token; the last may not be in the KV cache yet
  std::string text;
  StopReason reason = StopReason::length;
  std::uint32_t prompt_tokens = 0;
  Seconds prefill_time;                 // until the first token's logits are ready
  std::uint32_t decode_steps = 0;       // of one token each, after the first token
  Seconds decode_time;                  // of these steps: the model and the choice of the token
  std::uint64_t decode_read_bytes = 0;  // weights and KV, by model/cost
  double tokens_per_s() const {
    return decode_time.value > 0 ? decode_steps / decode_time.value : 0;
  }
};

// Appends `prompt` to the sequence and answers. `emit` gets whole characters as they come; an empty
// text asks whether to go on (between the chunks of a prompt). Returning false stops (interrupted).
Generation generate(Session& session, std::uint32_t sequence, std::span<const Token> prompt,
                    const GenerateOptions& options,
                    const std::function<bool(std::string_view)>& emit);

}  // namespace ceiling
