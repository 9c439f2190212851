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
  bool ignore_stop = false;        // for benchmarks
};

enum class StopReason { stop_token, stop_text, length, context_full, interrupted };

struct Generation {
  std::vector<Token> tokens;
  std::string text;
  StopReason reason = StopReason::length;
  std::uint32_t prompt_tokens = 0;
  Seconds prefill_time;                 // until the first token's logits are ready
  Seconds decode_time;                  // of the tokens after the first
  std::uint64_t decode_read_bytes = 0;  // weights and KV, by model/cost
};

// `emit` gets whole characters as they come; returning false stops (interrupted).
Generation generate(Session& session, std::uint32_t sequence, std::span<const Token> prompt,
                    const GenerateOptions& options,
                    const std::function<bool(std::string_view)>& emit);

}  // namespace ceiling
