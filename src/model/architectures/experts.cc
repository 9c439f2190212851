// Llama's layer with a mixture of experts for its feed-forward part, as Mixtral, Qwen3 MoE and
// gpt-oss have it: for counting and prediction. Shazeer et al. 2017.
#include "model/architectures/architectures.h"

namespace ceiling {

Program build_expert_decoder(const ModelSource& source) {
  DecoderBuilder builder(source);
  const std::uint32_t used = source.metadata.require_u32(
      architecture_key(builder.hyperparameters().architecture, "expert_used_count"));
  builder.embed(1.0F);
  for (std::uint32_t layer = 0; layer < builder.hyperparameters().layers; ++layer) {
    builder.begin_layer(layer);
    builder.norm("attn_norm");
    builder.attention(builder.attention_style());
    builder.add();
    builder.norm("ffn_norm");
    builder.expert_feed_forward(used, Activation::silu);
    builder.add();
  }
  builder.logits();
  return builder.finish();
}

}  // namespace ceiling
