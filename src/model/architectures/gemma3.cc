// Gemma 3 (text): local layers with a sliding window between global ones, norms on both sides of
// each branch. Gemma Team 2025. Files store norm weights with their +1 already added.
#include <cmath>

#include "base/error.h"
#include "model/architectures/architectures.h"

namespace ceiling {
namespace {

constexpr std::uint32_t kLayersPerGlobal = 6;  // five local, then one global
constexpr float kLocalRopeBase = 10000.0F;
constexpr std::uint32_t kLayersOf27B = 62;  // the one size whose query scale is width / heads

float query_scale(const Hyperparameters& hp) {
  const std::uint32_t divisor =
      hp.layers == kLayersOf27B ? hp.width / hp.heads.front() : hp.key_width;
  return 1.0F / std::sqrt(static_cast<float>(divisor));
}

// Every `period`-th layer sees all positions.
std::uint32_t global_period(const gguf::Metadata& metadata) {
  const std::string key = architecture_key("gemma3", "attention.sliding_window_pattern");
  const std::uint32_t period = metadata.u32(key).value_or(kLayersPerGlobal);
  if (period == 0) fail(ExitCode::integrity, "'{}': key '{}' is 0", metadata.label(), key);
  return period;
}

std::uint32_t window_of(const gguf::Metadata& metadata) {
  const std::string key = architecture_key("gemma3", "attention.sliding_window");
  const std::uint32_t window = metadata.require_u32(key);
  if (window == 0) fail(ExitCode::integrity, "'{}': key '{}' is 0", metadata.label(), key);
  return window;
}

std::optional<float> soft_cap_of(const gguf::Metadata& metadata) {
  const std::string key = architecture_key("gemma3", "final_logit_softcapping");
  if (!metadata.contains(key) || metadata.number(key) == 0.0) return std::nullopt;
  return positive_or(metadata, key, 1.0F);
}

}  // namespace

Program build_gemma3(const ModelSource& source) {
  DecoderBuilder builder(source);
  const Hyperparameters& hp = builder.hyperparameters();
  AttentionStyle global = builder.attention_style();
  global.scale = query_scale(hp);
  global.head_norms = true;
  AttentionStyle local = global;
  local.window = window_of(source.metadata);
  local.rope_base = positive_or(source.metadata, architecture_key("gemma3", "rope.freq_base_swa"),
                                kLocalRopeBase);
  local.position_scale = 1.0F;
  const std::uint32_t period = global_period(source.metadata);

  builder.embed(std::sqrt(static_cast<float>(hp.width)));
  for (std::uint32_t layer = 0; layer < hp.layers; ++layer) {
    builder.begin_layer(layer);
    builder.norm("attn_norm");
    builder.attention((layer + 1) % period == 0 ? global : local);
    builder.branch_norm("post_attention_norm");
    builder.add();
    builder.norm("ffn_norm");
    builder.feed_forward(Activation::gelu_tanh);
    builder.branch_norm("post_ffw_norm");
    builder.add();
  }
  builder.logits(soft_cap_of(source.metadata));
  return builder.finish();
}

}  // namespace ceiling
